"""The edge agent: from a receiver or a recording to messages."""
