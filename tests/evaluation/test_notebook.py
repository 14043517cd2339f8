"""What a notebook shows of an evaluation."""

import re

from ganzoo.evaluation.metrics import Estimate
from ganzoo.evaluation.result import Evaluation, Score


def evaluation(**more):
    images = {name: {"what": f"images of <{name}>", "count": 1000} for name in ("judged", "reference", "floor")}
    scores = [
        Score("fid", 12.345, 0.5, {"floor": Estimate(1.5, 0.1)}),
        Score("is/10", 8.1, None, {"floor": Estimate(9.2, None)}),
    ]
    facts = {"subject": "./run", "against": "mnist", "seed": 3, "images": images, "notes": ["2 were resized"]}
    features = {"name": "mnist", "trained_on": "mnist"}
    rest = {"features": features, "scores": scores, "warnings": ["few <images>"], "command": "ganzoo evaluate ./run"}
    return Evaluation(**{**facts, **rest, **more})


def test_the_scores_beside_their_floors():
    html = evaluation()._repr_html_()
    rows = [re.findall(r"<t[hd]>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", html)]
    assert rows[0] == ["metric", "by mnist features", "±", "floor"]
    assert rows[2] == ["IS, 10 splits", "8.100", "", "9.200"]
    assert rows[1][0] == "FID (mnist)"
    assert rows[1][1].startswith("12.3")
    assert rows[1][3].startswith("1.500 ± 0.1")


def test_what_was_compared_and_what_to_think_of_it():
    html = evaluation()._repr_html_()
    for text in ("1,000 x images of &lt;judged&gt;, seed 3", "few &lt;images&gt;", "2 were resized", "ganzoo evaluate"):
        assert text in html
    assert "<ul>" not in evaluation(warnings=(), notes=())._repr_html_()
