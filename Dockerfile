FROM python:3.12-slim
RUN pip install --no-cache-dir uv
WORKDIR /opt/unmask
COPY . .
ENV UV_COMPILE_BYTECODE=1
RUN uv sync --frozen --no-dev --no-cache --extra serve
ENV PATH=/opt/unmask/.venv/bin:$PATH
USER nobody
WORKDIR /media
ENTRYPOINT ["unmask"]
CMD ["--help"]
