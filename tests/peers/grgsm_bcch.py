#!/usr/bin/env python3
"""What gr-gsm decodes of a C0: run by the system's Python, prints one JSON object.

    /usr/bin/python3 grgsm_bcch.py FILE.cf32 [--rate 1083333.333] [--bare] [--osr 4]

FILE: complex64 samples with the carrier in the middle. gr-gsm's own blocks are driven in the order of its decoder program, which
itself does not start with GNU Radio 3.10 (it looks for a socket block in the module it has left). ``--bare``: the samples are at 13/12
MS/s (four per symbol), already filtered to the channel (unfiltered noise hides the FCCH from it), and go straight into the receiver;
otherwise its input adapter resamples and filters first.

Output: ``bcch``: frame number and octets of every BCCH block that passed, ``ccch``: how many others passed (their contents are not
given out), ``cpu_s``: processor time of the running flow graph, start-up left out, ``versions``.
"""

import argparse
import json
import sys
import time


def flow_graph(path, rate, osr, bare):
    """(top block, message store) ready to run."""
    import pmt
    from gnuradio import blocks, gr, gsm

    top = gr.top_block()
    source = blocks.file_source(gr.sizeof_gr_complex, path, False)
    receiver = gsm.receiver(osr, [0], [])
    dummies = gsm.dummy_burst_filter()
    timeslot = gsm.burst_timeslot_filter(0)
    demapper = gsm.gsm_bcch_ccch_demapper(0)
    decoder = gsm.control_channels_decoder()
    store = blocks.message_debug()
    if bare:
        top.connect(source, receiver)
    else:
        adapter = gsm.gsm_input(ppm=0, osr=osr, samp_rate_in=rate)
        control = gsm.clock_offset_control(940e6, rate, osr)
        top.connect(source, adapter, receiver)
        top.msg_connect(control, "ctrl", adapter, "ctrl_in")
        top.msg_connect(receiver, "measurements", control, "measurements")
    top.msg_connect(receiver, "C0", dummies, "in")
    top.msg_connect(dummies, "out", timeslot, "in")
    top.msg_connect(timeslot, "out", demapper, "bursts")
    top.msg_connect(demapper, "bursts", decoder, "bursts")
    top.msg_connect(decoder, "msgs", store, "store")
    return top, store, pmt


def decoded(store, pmt):
    """(bcch, number of others): from messages with a GSMTAP header of 16 octets."""
    bcch, others = [], 0
    for k in range(store.num_messages()):
        octets = bytes(pmt.u8vector_elements(pmt.cdr(store.get_message(k))))
        frame, kind = int.from_bytes(octets[8:12], "big"), octets[12]
        if kind == 1 and 2 <= frame % 51 <= 5:
            bcch.append({"fn": frame - (frame % 51 - 2), "octets": octets[16:39].hex()})
        else:
            others += 1
    return bcch, others


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--rate", type=float, default=13e6 / 12)
    parser.add_argument("--osr", type=int, default=4)
    parser.add_argument("--bare", action="store_true")
    args = parser.parse_args()
    try:
        from gnuradio import gr

        top, store, pmt = flow_graph(args.file, args.rate, args.osr, args.bare)
    except ImportError as error:
        print(f"gr-gsm is absent ({error}): apt-get install gr-gsm", file=sys.stderr)
        return 3
    before, began = time.process_time(), time.monotonic()
    top.start()
    top.wait()
    cpu, wall = time.process_time() - before, time.monotonic() - began
    bcch, others = decoded(store, pmt)
    print(json.dumps({"bcch": bcch, "ccch": others, "cpu_s": cpu, "wall_s": wall, "gnuradio": gr.version()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
