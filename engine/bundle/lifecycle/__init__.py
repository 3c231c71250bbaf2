"""A bundle in service: served over HTTP, retrained, replaced by a challenger."""
