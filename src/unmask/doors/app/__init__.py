"""The web page: Streamlit shows what the detector and the inspection say, and decides nothing."""
