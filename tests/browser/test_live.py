"""Live maps in real JupyterLab: a camera, a video file and a moving crop, each followed picture by picture."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator

from browser.page import NotebookPage
from browser.view import View, changed

Notebook = Callable[..., NotebookPage]

# A second of a disc that wanders over a grey ground, recorded by the browser itself.
RECORD = """async () => {
  const canvas = document.createElement("canvas");
  canvas.width = 320;
  canvas.height = 240;
  const context = canvas.getContext("2d");
  const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: "video/webm" });
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const ended = new Promise((resolve) => { recorder.onstop = resolve; });
  recorder.start();
  for (let i = 0; i < 20; i++) {
    context.fillStyle = "#777";
    context.fillRect(0, 0, 320, 240);
    context.fillStyle = "#c40";
    context.fillRect(10 * i, 60, 100, 100);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  recorder.stop();
  await ended;
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  return btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ""));
}"""


def panel(view: View) -> Locator:
    """The part "Live", opened."""
    found = view.root.locator("details.sw-live")
    if found.get_attribute("open") is None:
        found.locator("summary").click()
    return found


def start(view: View, source: str) -> Locator:
    """Begin with a source, and wait until a first map is painted."""
    live = panel(view)
    live.get_by_role("button", name=source).click()
    view.wait(state="live")
    view.notebook.page.wait_for_function(
        "(root) => Number(root.dataset.seq) > 0 && /frames a second/.test(root.querySelector('.sw-status').innerText)",
        arg=view.root.element_handle(),
        timeout=30_000,
    )
    return live


def frames(view: View, count: int, since: int | None = None) -> None:
    """Wait until so many more live maps were painted, than now or than were at another moment."""
    page = view.notebook.page
    seq = int(view.painted["seq"]) if since is None else since
    page.wait_for_function(
        "([root, seq]) => Number(root.dataset.seq) >= seq",
        arg=[view.root.element_handle(), seq + count],
        timeout=60_000,
    )


def rate(view: View) -> float:
    found = re.search(r"([\d.]+) frames a second", view.text)
    assert found, view.text
    return float(found[1])


def test_a_camera_is_followed_a_click_changes_the_target_and_stop_brings_the_picture_back(
    bench: Notebook, shots: Path
) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    before = view.pixels()

    with page.record_messages() as log:
        live = start(view, "Webcam")
        frames(view, 3)
        one = view.pixels()
        frames(view, 6)
        two = view.pixels()
        assert view.painted["state"] == "live"
        assert changed(one, two) > 0.002, "the camera moves, and its map with it"
        assert rate(view) > 0.5

        other = next(target for target in view.classes if target != view.painted["target"])
        job = int(view.painted["job"])
        view.click(other)
        view.wait(state="live", target=other)
        frames(view, 3)
        assert int(view.painted["job"]) == job + 1
        assert view.selected == other

        page.screenshot("live-camera", shots, view.root)
        live.get_by_role("button", name="Stop live").click()
        view.wait_map(other)

    assert changed(before, view.pixels()) < 0.9, "the picture is back"
    assert view.root.locator(".sw-live .sw-live-rate").inner_text() == ""
    shots_sent = [m.custom["n"] for m in log.custom("shot", sent=True) if m.custom]
    assert shots_sent == list(range(1, len(shots_sent) + 1))
    ends = {m.custom["job"]: m.custom["status"] for m in log.custom("end") if m.custom}
    assert ends == {job: "superseded", job + 1: "superseded", job + 2: "complete"}
    newest = 0
    for message in log.custom("frame"):
        assert message.custom is not None
        shot = message.custom["shot"]
        if shot is not None:
            assert shot["n"] > newest, "an older picture's map came after a newer one's"
            newest = shot["n"]
    page.settle(400)
    assert page.value("len(w._session.jobs.running())") == 0


def test_a_crop_moves_by_itself_by_hand_and_by_keys_and_its_map_with_it(bench: Notebook, shots: Path) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    live = start(view, "Moving crop")
    frames(view, 2)
    one = view.pixels()
    frames(view, 6)
    assert changed(one, view.pixels()) > 0.2, "it drifts"
    page.screenshot("live-crop", shots, view.root)

    live.get_by_label("Drift").uncheck()
    page.settle(1500)  # what was under way is painted
    seq, rest = view.painted["seq"], view.pixels()
    page.settle(500)
    assert (view.painted["seq"], changed(rest, view.pixels())) == (seq, 0.0), "at rest nothing is computed"

    crop = live.locator(".sw-crop-box")
    crop.focus()
    page.count_commands()
    crop.scroll_into_view_if_needed()
    before = crop.bounding_box()
    seq = view.painted["seq"]
    for _ in range(4):
        page.page.keyboard.press("ArrowLeft")
        page.page.keyboard.press("ArrowUp")
    frames(view, 1, since=int(seq))
    crop.scroll_into_view_if_needed()
    after = crop.bounding_box()
    assert before is not None
    assert after is not None
    assert after["x"] + after["y"] < before["x"] + before["y"]
    assert page.commands() == [], "JupyterLab heard the keys"
    seq = view.painted["seq"]
    page.page.mouse.move(after["x"] + 5, after["y"] + 5)
    page.page.mouse.down()
    page.page.mouse.move(after["x"] + 45, after["y"] + 45, steps=4)
    page.page.mouse.up()
    frames(view, 1, since=int(seq))

    view.select("method").select_option("smoothgrad")
    page.page.wait_for_function("() => !document.querySelector('.sw-alert').hidden")
    assert "cannot follow a moving" in view.root.locator(".sw-alert").inner_text()
    assert view.select("method").input_value() == "gradient"
    view.wait(state="live")
    view.select("method").select_option("grad_cam")
    view.wait(state="live", method="grad_cam")

    page.page.keyboard.press("Escape")
    view.wait_map(method="grad_cam")


def test_a_video_file_plays_in_the_page_and_is_followed(bench: Notebook, shots: Path) -> None:
    page = bench()
    view = View(page)
    view.wait_map()
    video = base64.b64decode(page.page.evaluate(RECORD))
    live = panel(view)
    files = live.locator("input[type=file]")

    files.set_input_files({"name": "notes.txt", "mimeType": "video/webm", "buffer": b"no video"})
    live.get_by_role("alert").wait_for()
    assert 'cannot play "notes.txt"' in live.get_by_role("alert").inner_text()

    files.set_input_files({"name": "walk.webm", "mimeType": "video/webm", "buffer": video})
    view.wait(state="live")
    frames(view, 2)
    seen = [view.pixels()]
    for _ in range(3):
        frames(view, 2)
        seen.append(view.pixels())
    assert max(changed(seen[0], one) for one in seen[1:]) > 0.01
    page.screenshot("live-video", shots, view.root)
    live.get_by_role("button", name="Stop live").click()
    view.wait_map()
    assert live.locator("video").count() == 0
