"""By hand: `python -m incident_ops_tests.fake_slack --port 0` prints its base URL and a line for every request."""

import argparse
import sys
import threading

from incident_ops_tests.fake_slack.server import ANY_CHANNEL, FakeSlack


def main() -> None:
    parser = argparse.ArgumentParser(description="A local server that stands for Slack.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", default="xoxb-fake")
    parser.add_argument("--channel", action="append", default=[], help="a channel that exists (default: any)")
    options = parser.parse_args()
    slack = FakeSlack(
        token=options.token,
        channels=options.channel or [ANY_CHANNEL],
        port=options.port,
        log=lambda line: print(line, file=sys.stderr, flush=True),
    )
    with slack:
        print(slack.base_url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
