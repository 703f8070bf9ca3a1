"""The centre: takes, keeps and shows what the stations hear."""
