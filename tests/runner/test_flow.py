"""The flow control: examples of each rule."""

from __future__ import annotations

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
