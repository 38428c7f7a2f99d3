"""What people see: the page, the terminal report, the JSON contract and the charts in them."""

from __future__ import annotations

from trueup.report.compare_json import compare_json
from trueup.report.compare_page import compare_html
from trueup.report.compare_terminal import print_compare
from trueup.report.tax_json import tax_json
from trueup.report.tax_page import tax_html
from trueup.report.terminal import print_tax
from trueup.report.text import csv_safe, interval, markup_safe, neutralise, percent, points
from trueup.report.tune_page import tune_html
from trueup.report.tune_terminal import print_tune
from trueup.report.watch_terminal import print_watch

__all__ = [
    "compare_html",
    "compare_json",
    "csv_safe",
    "interval",
    "markup_safe",
    "neutralise",
    "percent",
    "points",
    "print_compare",
    "print_tax",
    "print_tune",
    "print_watch",
    "tax_html",
    "tax_json",
    "tune_html",
]
