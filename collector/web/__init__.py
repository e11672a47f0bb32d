"""The web UI: pages that the collector renders, for people who are members of a tenant.

A new page: one module in `pages/` with a router, its templates in `templates/<page>/`, one line in `pages/__init__.py`
and one in `navigation.py`. A page reads with `db.read(store.function, visitor.tenant, …)` and answers with
`show(request, "page/file.html", …)`; a form is read with `forms.filled` and answers with `done(request, …)`.
"""
