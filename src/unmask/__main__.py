"""`python -m unmask` is the command `unmask`."""

from unmask.doors.cli import main

if __name__ == "__main__":
    main()
