"""What `streamlit run` serves: the page, and beside it the answers to the live camera's stills."""

import streamlit as st
from starlette.routing import WebSocketRoute

from unmask.doors.app.launch import PAGE
from unmask.doors.app.stills import answer_stills

_BASE = st.get_option("server.baseUrlPath").strip("/")
app = st.App(PAGE, routes=[WebSocketRoute(f"/{_BASE}/live" if _BASE else "/live", answer_stills)])
