"""Stand-ins that make the tests of runner and widget deterministic: a clock, an alarm, a page; no tests here."""

from __future__ import annotations

import json
import threading

from saliency_widget import protocol
from saliency_widget.model import read_image
from saliency_widget.runner import Session, choose
from saliency_widget.runner.roster import Roster
from saliency_widget.runner.thread import Schedule
from small_models import picture, two_heads

MANY = {"method": "smoothgrad", "params": {"samples": 40}}
"""What to click for a job of eleven steps: a chunk of one sample, then of four."""


class FakeClock:
    """A clock that stands still unless it is told to go on."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += seconds


class FakeAlarm:
    """Alarms that ring when the test lets time pass."""

    def __init__(self, clock):
        self.clock = clock
        self.set = []
        self.times = 0

    def __call__(self, delay, call):
        self.times += 1
        entry = (self.clock() + delay, call)
        self.set.append(entry)
        return lambda: self.set.remove(entry) if entry in self.set else None

    def pass_time(self, seconds):
        end = self.clock() + seconds
        while due := sorted((when, call) for when, call in self.set if when <= end):
            when, call = due[0]
            self.set.remove(due[0])
            self.clock.now = max(self.clock.now, when)
            call()
        self.clock.now = end


class FakePort:
    """The widget's end of a session, and what has come out of it."""

    def __init__(self, lock):
        self.lock = lock
        self.messages = []
        self.data = []
        self.state = {}
        self.synced = []
        self.told = 0
        self.broken = False

    def send(self, kind, fields, data=None):
        assert self.lock._is_owned(), "two threads could send in another order than the flow control's"
        if self.broken:
            raise OSError("the comm is gone")
        if kind == "welcome":
            fields = {**fields, "ipykernel": "7.4.0"}
        self.messages.append(protocol.message(kind, fields))
        self.data.append(data)

    def write(self, state):
        assert self.lock._is_owned()
        self.state.update(state)

    def sync(self):
        assert self.lock._is_owned()
        self.synced.append(dict(self.state))

    def resend(self):
        self.sync()

    def tell(self):
        assert not self.lock._is_owned(), "who observes is a user's code"
        self.told += 1

    def of(self, kind, job=None):
        return [m for m in self.messages if m["type"] == kind and job in {None, m.get("job")}]

    @property
    def types(self):
        return [m["type"] for m in self.messages]

    @property
    def frames(self):
        return self.of("frame")

    def ends(self):
        return {m["job"]: m["status"] for m in self.of("end")}


class Desk:
    """A session on a schedule that is stepped by hand, with a page or without."""

    def __init__(self, model=None, pictures=None, page="p", *, idle=False, **choice):
        self.clock = FakeClock()
        self.alarm = FakeAlarm(self.clock)
        self.schedule = Schedule()
        self.lock = threading.RLock()
        self.port = FakePort(self.lock)
        self.model = model or two_heads()
        self.pictures = [read_image(image) for image in pictures or [picture(seed=0), picture(seed=1)]]
        self.models = Roster({"": self.model})
        first = choose(self.model, self.pictures, None, choice)
        self.session = Session(
            self.models,
            self.pictures,
            first,
            self.port,
            revision=self.model.revision(),
            lock=self.lock,
            idle=idle,
            schedule=self.schedule,
            clock=self.clock,
            alarm=self.alarm,
        )
        self.requests = 0
        if page:
            self.session.hello(page, visible=True)

    def click(self, target="style:gothic", **args):
        """Ask as a page does; returns the job."""
        return self.session.explain(self.request(), **(self.asked(target) | {"tolerance": None} | args))

    def request(self):
        """Return the next request's id."""
        self.requests += 1
        return {"page": "p", "n": self.requests}

    def asked(self, target):
        """Return the arguments that every kind of request has."""
        return {
            "image": self.pictures[0].id,
            "targets": [self.model.resolve(target).wire()] if target else [],
            "method": "gradient",
            "params": {},
            "score": "logit",
            "layer": None,
            "seed": 0,
            "have": None,
        }

    def turn(self, times=1, seconds=0.02):
        """Let the compute thread take some steps; time passes between them."""
        for _ in range(times):
            self.clock.advance(seconds)
            if not self.schedule.turn():
                return False
        return True

    def run(self, *, ack=True):
        """Let the compute thread run until nothing is left, an attentive page acknowledging."""
        while self.turn():
            if ack:
                self.ack()
        if ack:
            self.ack()

    def ack(self, page="p"):
        """Acknowledge all that has come."""
        seen = [message["seq"] for message in self.port.messages if "seq" in message]
        if seen:
            self.session.ack(page, seen[-1])


class FakePage:
    """One browser's end of a widget: all that its comm publishes, as JSON would carry it, and what the page sends."""

    def __init__(self, widget, name="p", *, greet=True):
        self.widget = widget
        self.name = name
        self.messages = []
        self.data = []
        self.updates = []
        self.echoes = []
        self.requests = 0
        self.lock = threading.Lock()
        widget.comm.publish_msg = self._publish
        if greet:
            self.send("hello", page=name, visible=True, job=0)

    def _publish(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        if msg_type == "comm_close":
            return
        data = json.loads(json.dumps(data, allow_nan=False))
        with self.lock:
            if data["method"] == "custom":
                self.messages.append(data["content"])
                self.data.append(buffers)
            else:
                state = data["state"]
                for path, buffer in zip(data["buffer_paths"], buffers or [], strict=True):
                    state[path[0]] = bytes(buffer)
                (self.updates if data["method"] == "update" else self.echoes).append(state)

    def send(self, type_, /, **fields):
        self.send_raw({"v": 1, "type": type_, **fields})

    def send_raw(self, content, buffers=()):
        """Send as a page does: this is what ipykernel calls for it."""
        data = {"method": "custom", "content": content}
        self.widget._handle_msg({"content": {"data": data}, "buffers": list(buffers)})

    def set(self, **state):
        """Do what `model.set(...)` and `model.save_changes()` do."""
        data = {"method": "update", "state": state, "buffer_paths": []}
        self.widget._handle_msg({"content": {"data": data}, "buffers": []})

    def click(self, target="style:gothic", image=0, have=None, **args):
        """Ask for a map; returns the number of the request."""
        self.requests += 1
        heads = {head["name"]: head for head in self.widget.card["heads"]}
        head, _, cls = target.partition(":")
        index = heads[head]["classes"].index(cls) if cls else None
        asked = {
            "image": self.widget.images[image]["id"],
            "targets": [{"head": head, "index": index, "versus": None}],
            "method": "gradient",
            "params": {},
            "score": "logit",
            "layer": None,
            "seed": 0,
            "tolerance": None,
            "have": have,
        }
        req = {"page": self.name, "n": self.requests}
        self.send("request", req=req, kind="explain", args=asked | args)
        return self.requests

    def ack(self):
        """Acknowledge all that has come."""
        frames = self.of("frame")
        if frames:
            self.send("ack", page=self.name, seq=frames[-1]["seq"])

    def of(self, kind):
        with self.lock:
            return [m for m in self.messages if m["type"] == kind]

    def ends(self):
        return {m["job"]: m["status"] for m in self.of("end")}
