"""Content of a function's zip if this Python is too old to package for AWS: load the app in the project's folder."""

import importlib
import os
import sys

sys.path.insert(0, os.environ["WALLIFY_SOURCE"])
del sys.modules["app"]  # remove this module; the next line imports the real one in its place
importlib.import_module("app")
