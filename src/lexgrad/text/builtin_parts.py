"""Which module belongs to which area, and what is held out: the tables behind the built-in texts.

Everything that is not held out for dev or test is for training. A name stands for the module and all below it;
the longest name that fits decides. Modules that a Python version has not are passed over.
"""

from __future__ import annotations

# The areas follow the chapters of the Python library reference.
AREAS = {
    "concurrency": """_threading_local asyncio concurrent multiprocessing queue sched selectors subprocess
        threading""",
    "data types": """_collections_abc _pydatetime _pydecimal _strptime bisect calendar collections colorsys copy
        datetime enum fractions graphlib heapq numbers pprint random reprlib statistics types weakref zoneinfo""",
    "development": """bdb cProfile doctest logging pdb profile profiling pstats pydoc timeit trace tracemalloc
        unittest""",
    "files": """_compression _pyio bz2 compression copyreg dbm filecmp fileinput fnmatch genericpath glob gzip
        linecache lzma ntpath os pathlib pickle pickletools posixpath shelve shutil sqlite3 stat tarfile tempfile
        zipfile""",
    "interfaces": "argparse cmd curses getopt getpass optparse tkinter turtle",
    "internet": """base64 cgi email ftplib http imaplib ipaddress mailbox mimetypes nntplib poplib quopri smtplib
        socket socketserver ssl telnetlib urllib uuid webbrowser wsgiref xmlrpc""",
    "language": """_py_warnings abc annotationlib ast code codeop compileall contextlib dataclasses dis functools
        importlib inspect modulefinder operator pkgutil py_compile pyclbr runpy site symtable sysconfig tabnanny
        tokenize traceback typing warnings zipimport""",
    "text": """codecs configparser csv difflib gettext html json locale netrc plistlib re shlex string textwrap
        tomllib xml""",
}

DOCSTRINGS_DEV = """asyncio.queues concurrent multiprocessing.connection
    heapq random weakref zoneinfo
    doctest logging.config timeit unittest.result
    fileinput linecache zipfile
    optparse tkinter.filedialog tkinter.font tkinter.simpledialog
    email.message smtplib socketserver urllib.parse
    contextlib dis importlib.util symtable
    csv difflib json.decoder xml.dom.minidom"""

DOCSTRINGS_TEST = """asyncio.streams multiprocessing.pool queue selectors subprocess
    enum fractions graphlib statistics
    pdb tracemalloc unittest.mock
    lzma shutil tempfile
    argparse cmd tkinter.ttk
    email.charset ftplib http.client poplib urllib.robotparser xmlrpc.server
    ast code pkgutil traceback
    json.encoder shlex textwrap xml.sax.handler"""

DOCS_DEV = "calls comparisons raise subscriptions typesmapping"
DOCS_TEST = "attribute-access class import strings with"


def area_of(module: str) -> str | None:
    """Return the area of a dotted module name, or None where it has none."""
    return _AREA_OF_FAMILY.get(module.partition(".")[0])


def part_of_module(module: str) -> str:
    """Return the part, "train", "dev" or "test", that a dotted module name belongs to."""
    while module:
        if module in _PART_OF_MODULE:
            return _PART_OF_MODULE[module]
        module = module.rpartition(".")[0]
    return "train"


def part_of_topic(topic: str) -> str:
    """Return the part that a topic of the language reference belongs to."""
    return _PART_OF_TOPIC.get(topic, "train")


_AREA_OF_FAMILY = {family: area for area, families in AREAS.items() for family in families.split()}
_PART_OF_MODULE = {
    module: part for part, modules in (("dev", DOCSTRINGS_DEV), ("test", DOCSTRINGS_TEST)) for module in modules.split()
}
_PART_OF_TOPIC = {topic: part for part, topics in (("dev", DOCS_DEV), ("test", DOCS_TEST)) for topic in topics.split()}
