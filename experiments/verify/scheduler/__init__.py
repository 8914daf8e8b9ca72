"""``wavetank verify scheduler``: decisions of the real kube-scheduler, taken again by the model."""
