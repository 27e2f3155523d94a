"""The whole zip of a function on a Python too old to package for AWS: it becomes the app in the project's folder."""

import importlib
import os
import sys

sys.path.insert(0, os.environ["WALLIFY_SOURCE"])
del sys.modules["app"]  # this file; the next line finds the real one, and whoever imports us gets that
importlib.import_module("app")
