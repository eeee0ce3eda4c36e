"""A marimo notebook with one widget, as a person writes it: the tests run it, and read what a second cell saw."""

import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo

    import saliency_widget as sw

    w = sw.SaliencyWidget(sw.load("demo/vgg"), sw.demo.buildings(3, seed=5), target="style", idle=False)
    view = mo.ui.anywidget(w)
    view  # noqa: B018 - a cell's last line is what it shows
    return (view,)


@app.cell
def _(view):
    told = f"The kernel explained {view.value['target']}"
    told  # noqa: B018


if __name__ == "__main__":
    app.run()
