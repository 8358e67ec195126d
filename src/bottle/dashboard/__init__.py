"""The dashboard: all of it on one screen. It shows what the application says and calls its use cases, as the command
line does; it decides nothing.

Whatever an agent wrote reaches the screen through `cells`, as plain text: never as markup, which could name an action.
"""
