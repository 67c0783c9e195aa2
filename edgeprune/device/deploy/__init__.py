"""Gets a release onto a Linux device and off again: by SSH, by its serial console, here, or onto its card.

Read `deploy.py` first (the steps), then `shell.py` (what a way onto a device has to offer). What happens on
the device itself is in `runner/linux/install/install.sh`.
"""
