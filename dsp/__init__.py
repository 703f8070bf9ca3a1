"""Pure signal processing: arrays and numbers in, frozen values out; no clock, file, socket, log or settings object."""
