"""The monitor: served predictions beside their outcomes, and alarms whose false-alarm rate is stated."""
