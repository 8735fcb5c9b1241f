"""The program `dsf-explorer`, without its window."""

import signal
import sys

from . import _native


def main() -> None:
    """Runs the command of this process's arguments."""
    # Nobody looks at Python's own handler while a command runs.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(_native.program(["dsf-explorer", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
