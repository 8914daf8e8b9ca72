"""``wavetank verify kernel``: what a live kernel did in measured cases, predicted by the models of models/kernel."""
