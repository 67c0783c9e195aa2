"""The runner for devices with an operating system: the protocol of `device/wire.py`, LiteRT behind it.

On the device it is one file, `runner.pyz`, which `pack.py` makes. What runs there is written for Python 3.10
and its standard library; numpy, LiteRT and pyserial are imported where they are needed. `runner/mcu` is the
same for microcontrollers, and answers the same lines in the same way.

Read `serve.py` first (who is connected, who holds the session), then `protocol.py` (lines),
`commands.py` (what is answered), `engine.py` (LiteRT), `jobs.py` (timed runs).
"""
