#!/usr/bin/env python3
"""Runs work on a seat, through `lm session`. Usage: session.py APPLICATION"""

import json
import subprocess
import sys


class Session:
    """One conversation with lm: a line out, then lines in until the answer with its id."""

    def __init__(self):
        self.lm = subprocess.Popen(
            ["lm", "session"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.last_id = 0

    def ask(self, op, **fields):
        self.last_id += 1
        line = json.dumps({"op": op, "id": self.last_id, **fields})
        self.lm.stdin.write(line + "\n")
        self.lm.stdin.flush()
        for line in self.lm.stdout:
            answer = json.loads(line)
            if answer.get("event"):
                self.on_event(answer)
            elif answer["id"] == self.last_id:
                return answer
        raise RuntimeError("lm session ended")

    def on_event(self, event):
        # A real program would watch for these in a thread, and stop working when its seat is lost.
        print("event:", event["event"], file=sys.stderr)

    def close(self):
        """Gives back every seat."""
        self.lm.stdin.close()
        return self.lm.wait()


def main(application):
    session = Session()
    answer = session.ask("request", application=application, waitMs=10_000)
    if not answer["ok"]:
        print(answer["error"]["code"], answer["error"]["message"], file=sys.stderr)
        session.close()
        return 1
    print("working on", answer["application"], answer["version"])
    released = session.ask("release", seat=answer["seat"])
    print("released", released["released"])
    return session.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
