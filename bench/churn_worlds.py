"""How much of what can be known about fading customers the churn model tells, in worlds whose truth is known.

`python -m bench.churn_worlds [--seeds 1 2 3 4]`: for each world (tests/models/silent_world.py) the AUC and the average
precision of the model, the rule and the logistic regression on a later cut, as shares of those of the exact chance.
"""

import argparse
import sys

import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from models import churn
from models.metrics import Value
from models.training import Parts, train
from tests.models import silent_world

CUSTOMERS = 20_000
TEST = silent_world.DAYS - silent_world.HORIZON
CALIBRATE = TEST - silent_world.HORIZON


def main() -> int:
    """Fits and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.churn_worlds", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4])
    for seed in parser.parse_args().seeds:
        print(f"world {seed}", flush=True)
        for who, (auc, precision) in _told(seed).items():
            print(f"  {who:20} AUC {auc:.4f}, average precision {precision:.4f} of the attainable", flush=True)
    return 0


def _told(seed: int) -> dict[str, tuple[float, float]]:
    world = silent_world.world(seed, CUSTOMERS)
    learn = pd.concat([world.at(CALIBRATE - 15 * n) for n in (5, 4, 3, 2, 1)], ignore_index=True)
    test = world.at(TEST)
    question = churn.question(silent_world.HORIZON, Value(1000, 0.1, 8))
    trained = train(question, Parts(learn, world.at(CALIBRATE), test, test.drop(columns="is_lost")))
    truth, best = test["is_lost"].to_numpy(), world.knowable(TEST)
    auc, precision = roc_auc_score(truth, best), average_precision_score(truth, best)
    return {
        who: (told["auc"].value / auc, told["average_precision"].value / precision) for who, told in trained.by.items()
    }


if __name__ == "__main__":
    sys.exit(main())
