"""What every model and plug-in sees: scenario specs, constants, selectors and protocols."""
