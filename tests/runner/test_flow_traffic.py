"""The flow control under random interleavings of everything that can happen."""

from __future__ import annotations

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fake_pages import FakeClock
from saliency_widget.runner.flow import CREDIT, RESET, Flow

PAGES = st.sampled_from(["a", "b", "c"])


class Traffic(RuleBasedStateMachine):
    """Everything that can happen, in any order; what the pages get is judged by what a page may rely on."""

    @initialize()
    def begin(self):
        self.clock = FakeClock()
        self.flow = Flow(self.clock)
        self.job = 0
        self.running = False
        self.received = []  # (job, kind) in the order of arrival
        self.seqs = []
        self.in_flight = {}  # page -> [(seq, when, whether it was alone)], as an honest page would count
        self.accepted, self.finished_at, self.with_page = [], {}, set()

    def take(self, outgoing):
        for item in outgoing:
            if item.what == "frame":
                self.seqs.append(item.seq)
                for page in self.in_flight.values():
                    page.append((item.seq, self.clock(), len(self.in_flight) == 1))
            if item.what in {"frame", "end"}:
                job, kind = item.content
                self.received.append((job, kind))
                if kind == "end":
                    assert self.clock() - self.finished_at[job] <= RESET + 1e-6
                    if not self.in_flight:
                        self.with_page.discard(job)  # the last page left while its final frame waited
        due = self.flow.deadline()
        assert due is None or due >= self.clock() - RESET

    @rule(seconds=st.sampled_from([0.001, 0.016, 0.05, 0.5, 1.0, 2.0, 3.0]))
    def time_passes(self, seconds):
        end = self.clock() + seconds
        while (due := self.flow.deadline()) is not None and due <= end:
            self.clock.advance(max(0.0, due - self.clock()))
            self.take(self.flow.tick())
        self.clock.advance(max(0.0, end - self.clock()))

    @rule(page=PAGES, visible=st.booleans())
    def hello(self, page, visible):
        self.in_flight[page] = []
        self.take(self.flow.hello(page, visible=visible))

    @rule(page=PAGES)
    def bye(self, page):
        self.in_flight.pop(page, None)
        self.take(self.flow.bye(page))

    @rule(page=PAGES, on=st.booleans())
    def visible(self, page, on):
        if on or page not in self.in_flight:
            self.in_flight[page] = []
        self.take(self.flow.visible(page, on=on))

    @rule(page=PAGES, behind=st.integers(0, 3))
    def ack(self, page, behind):
        if self.in_flight.get(page):
            seq = max(1, self.seqs[-1] - behind)
            self.in_flight[page] = [entry for entry in self.in_flight[page] if entry[0] > seq]
            self.take(self.flow.ack(page, seq))

    @rule()
    def a_job_is_accepted(self):
        if self.running:
            self.finish(frame=None)  # superseded
        self.take(self.flow.overtaken())
        self.job += 1
        self.running = True
        self.accepted.append(self.job)

    @precondition(lambda self: self.running)
    @rule()
    def an_estimate(self):
        wanted = self.flow.wants_frame()
        sent = self.flow.frame((self.job, "frame"))
        assert bool(sent) == wanted
        self.take(sent)

    @precondition(lambda self: self.running)
    @rule()
    def a_live_map(self):
        self.latest = f"live {self.job} {self.clock()}"
        self.take(self.flow.latest((self.job, self.latest)))

    @precondition(lambda self: self.running)
    @rule(complete=st.booleans())
    def a_job_ends(self, complete):
        self.finish(frame=(self.job, "final") if complete else None)

    def finish(self, frame):
        self.running = False
        self.take(self.flow.latest(None))
        self.finished_at[self.job] = self.clock()
        if frame is not None and self.in_flight:
            self.with_page.add(self.job)
        self.take(self.flow.finish((self.job, "end"), frame))

    @rule()
    def the_state_changes(self):
        self.take(self.flow.changed())

    @rule()
    def a_spare_map(self):
        if not self.running:
            self.take(self.flow.spare((self.job, "spare")))

    @invariant()
    def frames_are_numbered_one_by_one(self):
        assert getattr(self, "seqs", []) == list(range(1, len(getattr(self, "seqs", [])) + 1))

    @invariant()
    def a_page_alone_never_has_more_than_its_credit_in_flight(self):
        if len(getattr(self, "in_flight", {})) == 1:
            (frames,) = self.in_flight.values()
            fresh = [seq for seq, when, alone in frames if alone and self.clock() - when < RESET - 1e-6]
            assert len(fresh) <= CREDIT

    @invariant()
    def each_job_ends_at_most_once_and_last(self):
        ends = Counter(job for job, kind in getattr(self, "received", []) if kind == "end")
        assert all(count == 1 for count in ends.values())
        seen = set()
        for job, kind in getattr(self, "received", []):
            assert job not in seen, "something came after the end"
            if kind == "end":
                seen.add(job)

    @invariant()
    def jobs_come_in_order(self):
        jobs = [job for job, _ in getattr(self, "received", [])]
        assert jobs == sorted(jobs)

    def teardown(self):
        if not hasattr(self, "clock"):
            return
        if self.running:
            self.finish(frame=None)
        pages = dict(self.in_flight)
        self.time_passes(3 * RESET)
        assert self.flow.deadline() is None
        ended = [job for job, kind in self.received if kind == "end"]
        assert ended == self.accepted
        if self.accepted and self.accepted[-1] in self.with_page and pages:
            assert (self.accepted[-1], "final") in self.received, "the last frame must always arrive"


TestTraffic = Traffic.TestCase
TestTraffic.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
