"""Speed and strength beside peers, as ratios from one run. `make bench` runs them; they are no tests."""
