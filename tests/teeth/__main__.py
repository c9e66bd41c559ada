"""``python -m tests.teeth``: write the page of failures and planted bugs."""

from tests.teeth.table import PAGE, page

if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
