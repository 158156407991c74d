"""`python -m incident_ops.cli`."""

from incident_ops.cli.entry import main

if __name__ == "__main__":
    main()
