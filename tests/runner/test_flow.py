"""The flow control: examples of each rule, and random interleavings of everything that can happen."""

from __future__ import annotations

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fake_pages import FakeClock
from saliency_widget.runner.flow import CREDIT, INTERVAL, RESET, Flow


def names(outgoing):
    return [f"{item.what} {item.content}" if item.content is not None else item.what for item in outgoing]


def flow_with(*pages, visible=True):
    clock = FakeClock()
    flow = Flow(clock)
    for page in pages:
        flow.hello(page, visible=visible)
    return flow, clock


def send_frame(flow, clock, content="f"):
    clock.advance(INTERVAL)
    return flow.frame(content)


def test_two_frames_go_out_and_the_third_is_dropped_until_one_is_acknowledged():
    flow, clock = flow_with("a")
    assert names(send_frame(flow, clock, 1)) == ["frame 1"]
    assert names(send_frame(flow, clock, 2)) == ["frame 2"]
    assert send_frame(flow, clock, 3) == []
    flow.ack("a", 1)
    assert names(send_frame(flow, clock, 4)) == ["frame 4"]


def test_an_acknowledgement_settles_all_frames_before_it():
    flow, clock = flow_with("a")
    send_frame(flow, clock)
    send_frame(flow, clock)
    flow.ack("a", 2)
    assert [item.seq for _ in range(2) for item in send_frame(flow, clock)] == [3, 4]


def test_an_acknowledgement_of_a_frame_that_was_never_sent_gives_no_credit_in_advance():
    flow, clock = flow_with("a")
    flow.ack("a", 1000)
    assert [len(send_frame(flow, clock)) for _ in range(4)] == [1, 1, 0, 0]


def test_frames_follow_each_other_at_most_sixty_times_a_second():
    flow, clock = flow_with("a")
    sent = 0
    for _ in range(1000):
        clock.advance(0.001)
        if flow.wants_frame():
            sent += len(flow.frame("f"))
            flow.ack("a", flow.seq)
    assert 55 <= sent <= 64


def test_estimates_at_just_the_rate_of_the_screen_all_go_out():
    flow, clock = flow_with("a")
    sent = 0
    for _ in range(60):
        clock.advance(1 / 60)
        sent += len(flow.frame("f"))
        flow.ack("a", flow.seq)
    assert sent == 60


def test_no_frame_is_wanted_without_a_page_or_with_hidden_ones_only():
    flow, _ = flow_with()
    assert not flow.wants_frame()
    flow.hello("a", visible=False)
    assert not flow.wants_frame()
    flow.visible("a", on=True)
    assert flow.wants_frame()


def test_a_final_frame_is_kept_until_it_may_go_and_the_end_follows_it():
    flow, clock = flow_with("a")
    send_frame(flow, clock)
    send_frame(flow, clock)
    assert flow.finish("end", "final") == []
    assert names(flow.ack("a", 1)) == ["frame final", "end end"]


def test_the_end_waits_no_longer_than_the_reset():
    flow, clock = flow_with("a")
    send_frame(flow, clock)
    send_frame(flow, clock)
    assert flow.finish("end", "final") == []
    due = flow.deadline()
    assert due is not None
    assert due - clock() <= RESET
    clock.advance(due - clock())
    assert names(flow.tick()) == ["frame final", "end end"]
    assert flow.deadline() is None


def test_the_reset_counts_from_the_oldest_frame_in_flight():
    flow, clock = flow_with("a")
    send_frame(flow, clock)
    clock.advance(0.75 * RESET)
    send_frame(flow, clock)
    flow.finish("end", "final")
    due = flow.deadline()
    assert due is not None
    assert due - clock() < 0.5 * RESET
    clock.advance(due - clock())
    assert names(flow.tick()) == ["frame final", "end end"]


def test_a_page_that_acknowledges_slowly_is_not_reset():
    flow, clock = flow_with("a")
    send_frame(flow, clock)
    send_frame(flow, clock)
    clock.advance(0.75 * RESET)
    flow.ack("a", 1)
    send_frame(flow, clock)
    clock.advance(0.75 * RESET)
    assert not flow.wants_frame()


def test_no_end_is_lost_when_jobs_finish_one_upon_the_other():
    flow, clock = flow_with("a")
    send_frame(flow, clock)
    send_frame(flow, clock)
    flow.finish("end 1", "final 1")
    assert names(flow.finish("end 2", "final 2")) == ["end end 1"]
    assert names(flow.ack("a", 2)) == ["frame final 2", "end end 2"]


def test_the_end_of_a_job_without_a_frame_goes_at_once():
    flow, clock = flow_with("a")
    send_frame(flow, clock)
    send_frame(flow, clock)
    assert names(flow.finish("end")) == ["end end"]


def test_without_a_page_the_end_goes_and_the_frame_does_not():
    flow, _ = flow_with()
    assert names(flow.finish("end", "final")) == ["end end"]
    assert flow.seq == 0


def test_a_hidden_page_gets_the_final_frame():
    flow, _ = flow_with("a", visible=False)
    assert names(flow.finish("end", "final")) == ["frame final", "end end"]


def test_a_newer_job_takes_the_place_of_a_final_frame_that_waits_but_not_of_its_end():
    flow, clock = flow_with("a")
    send_frame(flow, clock)
    send_frame(flow, clock)
    flow.finish("end 1", "final 1")
    assert names(flow.overtaken()) == ["end end 1"]
    assert flow.ack("a", 2) == []


def test_a_page_that_says_goodbye_holds_nothing_back():
    flow, clock = flow_with("a", "b")
    send_frame(flow, clock)
    send_frame(flow, clock)
    flow.ack("a", 2)
    flow.finish("end", "final")
    assert names(flow.bye("b")) == ["frame final", "end end"]


def test_the_slowest_page_that_answers_sets_the_pace():
    flow, clock = flow_with("fast", "slow")
    for _ in range(2):
        send_frame(flow, clock)
        flow.ack("fast", flow.seq)
    assert send_frame(flow, clock) == []
    flow.ack("slow", 1)
    assert len(send_frame(flow, clock)) == 1


def test_a_silent_page_stalls_the_others_once_and_then_no_more():
    flow, clock = flow_with("live", "dead")
    for _ in range(2):
        send_frame(flow, clock)
        flow.ack("live", flow.seq)
    assert send_frame(flow, clock) == []
    clock.advance(RESET)
    sent = 0
    for _ in range(100):
        sent += len(send_frame(flow, clock))
        flow.ack("live", flow.seq)
    assert sent == 100


def test_a_page_alone_that_is_silent_gets_two_frames_in_two_seconds():
    flow, clock = flow_with("dead")
    sent = sum(len(send_frame(flow, clock)) for _ in range(int(10 * RESET / INTERVAL)))
    assert sent <= CREDIT * 11


def test_a_page_counts_again_once_it_answers():
    flow, clock = flow_with("a", "b")
    send_frame(flow, clock)
    clock.advance(RESET)
    flow.ack("a", 1)
    flow.ack("b", 1)
    for _ in range(2):
        send_frame(flow, clock)
        flow.ack("a", flow.seq)
    assert send_frame(flow, clock) == []


def test_an_acknowledgement_of_an_unknown_page_makes_it_known():
    flow, clock = flow_with()
    flow.ack("a", 3)
    assert len(send_frame(flow, clock)) == 1


def test_crashed_pages_do_not_pile_up():
    flow, _ = flow_with()
    for number in range(1000):
        flow.hello(f"page {number}", visible=True)
    assert len(flow._pages) <= 16
    assert "page 999" in flow._pages


def test_the_state_waits_until_the_pages_have_settled():
    flow, _ = flow_with("a")
    flow.finish("end", "final")
    assert flow.changed() == []
    assert names(flow.ack("a", 1)) == ["state"]
    assert flow.tick() == []


def test_the_state_goes_out_after_the_reset_even_if_no_page_answers():
    flow, clock = flow_with("a")
    flow.finish("end", "final")
    flow.changed()
    due = flow.deadline()
    assert due is not None
    clock.advance(due - clock())
    assert names(flow.tick()) == ["state"]


def test_the_state_does_not_wait_longer_because_a_page_answers_slowly():
    flow, clock = flow_with("a")
    send_frame(flow, clock)
    send_frame(flow, clock)
    flow.changed()
    clock.advance(0.75 * RESET)
    assert flow.ack("a", 1) == []
    due = flow.deadline()
    assert due is not None
    clock.advance(due - clock())
    assert due - clock() < 0.3 * RESET
    assert names(flow.tick()) == ["state"]


def test_the_state_goes_out_within_the_reset_however_fast_jobs_end():
    flow, clock = flow_with("a")
    sent = []
    for job in range(60):
        clock.advance(0.1)
        sent += [*flow.overtaken(), *flow.finish("end", f"final {job}"), *flow.changed()]
        sent += flow.ack("a", flow.seq - 1)  # always one frame behind
    assert 2 <= [item.what for item in sent].count("state") <= 3


def test_many_changes_of_the_state_are_sent_once():
    flow, clock = flow_with("a")
    send_frame(flow, clock)
    for _ in range(10):
        assert flow.changed() == []
    assert names(flow.ack("a", 1)) == ["state"]


def test_running_frames_wait_for_the_state_so_that_it_comes_through_a_stream():
    flow, clock = flow_with("a")
    send_frame(flow, clock)
    flow.changed()
    assert send_frame(flow, clock) == []
    assert names(flow.ack("a", 1)) == ["state"]
    assert len(send_frame(flow, clock)) == 1


def test_without_a_page_the_state_goes_at_once():
    flow, _ = flow_with()
    assert names(flow.changed()) == ["state"]


def test_spare_maps_go_once_all_is_quiet_and_are_forgotten_when_a_job_comes():
    flow, clock = flow_with("a")
    flow.finish("end", "final")
    assert flow.spare("s1") == []
    assert flow.spare("s2") == []
    assert names(flow.ack("a", 1)) == ["spare s1", "spare s2"]
    send_frame(flow, clock)
    flow.spare("s3")
    flow.overtaken()
    assert flow.ack("a", 2) == []


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
    @rule(complete=st.booleans())
    def a_job_ends(self, complete):
        self.finish(frame=(self.job, "final") if complete else None)

    def finish(self, frame):
        self.running = False
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
