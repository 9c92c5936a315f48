"""``python -m routenas`` is the ``routenas`` command."""

from cli import main

if __name__ == "__main__":
    main()
