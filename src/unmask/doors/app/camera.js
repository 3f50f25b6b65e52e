// The camera's picture is shown as it comes. Stills of it are asked about one at a time, the newest
// whenever the one before is answered, so that none ever waits; the newest answer lies over it.
const SIDE_PX = 1280; // the longer side of a still
const QUALITY = 0.92;
const PACE_MS = 100; // between two stills
const PATIENCE_MS = 3000; // until an answer is missed
const WINDOW_MS = 2000; // over which frames and answers are counted
const SAY_MS = 1000; // between two changes of the words
const AGAIN_MS = 1000; // until a lost connection is tried again

const TROUBLE = {
  NotAllowedError: "The browser may not use the camera: allow it for this page, then press Start.",
  NotFoundError: "There is no camera: plug one in, then press Start.",
  NotReadableError: "The camera cannot be read: close other programs that use it, then press Start.",
  OverconstrainedError: "The chosen camera is gone: choose another one.",
  SecurityError: "The browser gives a camera to pages on localhost or behind https only.",
};

class Call {
  constructor(root) {
    for (const part of ["toggle", "choice", "cameras", "trouble", "picture", "video", "marks", "said"])
      this[part] = root.querySelector(`#${part}`);
    this.stream = this.attempt = null;
    this.canvas = document.createElement("canvas");
    this.pen = this.canvas.getContext("2d", { willReadFrequently: true });
    this.stop();
    this.toggle.onclick = () => (this.stream ? this.stop() : this.start());
    this.cameras.onchange = () => this.start(this.cameras.value);
  }

  async start(device) {
    this.stop();
    const attempt = (this.attempt = {});
    try {
      if (!navigator.mediaDevices) throw new DOMException("", "SecurityError");
      const stream = await navigator.mediaDevices.getUserMedia({
        video: {
          ...(device && { deviceId: { exact: device } }),
          width: { ideal: 1280 },
          height: { ideal: 720 },
          frameRate: { ideal: 30, max: 30 },
        },
      });
      if (this.attempt !== attempt) return stream.getTracks().forEach((track) => track.stop());
      this.stream = stream;
      this.toggle.textContent = "Stop";
      this.picture.hidden = false;
      const [track] = stream.getVideoTracks();
      track.onended = () => this.fail("The camera was taken away: plug it in, then press Start.");
      this.video.srcObject = stream;
      await this.video.play();
      await this.offer(track.getSettings().deviceId);
    } catch (error) {
      if (this.attempt === attempt)
        this.fail(TROUBLE[error.name] ?? `The camera cannot be used: ${error.message}`);
      return;
    }
    this.connect();
    this.video.requestVideoFrameCallback((now, frame) => this.look(attempt, now, frame));
  }

  admit(pass) {
    if (this.pass === pass) return;
    this.pass = pass;
    if (this.stream) this.connect();
  }

  connect() {
    this.hangUp();
    const url = new URL(`${location.pathname.replace(/\/?$/, "/")}live`, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.search = new URLSearchParams({ pass: this.pass });
    const socket = (this.socket = new WebSocket(url));
    socket.onopen = () => (this.captured = null);
    socket.onmessage = ({ data }) => this.take(JSON.parse(data));
    socket.onclose = () => {
      this.miss("no connection to the machine that answers; trying again");
      this.later = setTimeout(() => this.connect(), AGAIN_MS);
    };
  }

  hangUp() {
    clearTimeout(this.later);
    if (this.socket) this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
    this.socket?.close();
    this.socket = null;
    this.captured = undefined; // of the still that is asked about; null where there is none
  }

  async offer(chosen) {
    const devices = await navigator.mediaDevices.enumerateDevices();
    const cameras = devices.filter((device) => device.kind === "videoinput");
    const options = cameras.map((camera, at) => new Option(camera.label || `camera ${at + 1}`, camera.deviceId));
    this.cameras.replaceChildren(...options);
    this.cameras.value = chosen;
    this.choice.hidden = cameras.length < 2;
  }

  stop() {
    this.attempt = null;
    this.hangUp();
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = this.video.srcObject = null;
    [this.frames, this.ages, this.lines, this.saidAt] = [[], [], ["waiting for an answer"], 0];
    this.asked = -Infinity;
    this.toggle.textContent = "Start";
    this.trouble.textContent = "";
    this.picture.hidden = true;
    this.marks.replaceChildren();
    this.said.replaceChildren();
  }

  fail(words) {
    this.stop();
    this.trouble.textContent = words;
  }

  look(attempt, now, frame) {
    if (this.attempt !== attempt) return;
    this.video.requestVideoFrameCallback((later, next) => this.look(attempt, later, next));
    this.frames.push(now);
    if (this.captured === null && now - this.asked >= PACE_MS) this.ask(now, frame.captureTime ?? now);
    if (this.captured && now - this.asked >= PATIENCE_MS) this.miss(`no answer for ${PATIENCE_MS / 1000} seconds`);
    this.say(now);
  }

  miss(words) {
    this.lines = [words];
    this.marks.replaceChildren();
  }

  ask(now, captured) {
    [this.captured, this.asked] = [captured, now];
    const { videoWidth, videoHeight } = this.video;
    const scale = Math.min(1, SIDE_PX / Math.max(videoWidth, videoHeight));
    const [width, height] = [Math.round(videoWidth * scale), Math.round(videoHeight * scale)];
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    this.pen.drawImage(this.video, 0, 0, width, height);
    const socket = this.socket;
    this.canvas.toBlob((jpeg) => socket.readyState === WebSocket.OPEN && socket.send(jpeg), "image/jpeg", QUALITY);
  }

  take({ lines, marks }) {
    const captured = this.captured;
    this.captured = null;
    this.lines = lines;
    this.marks.replaceChildren(...marks.map(draw));
    requestAnimationFrame(() => this.ages.push([performance.now(), performance.now() - captured]));
  }

  say(now) {
    if (now - this.saidAt < SAY_MS) return;
    this.saidAt = now;
    const since = now - WINDOW_MS;
    this.frames = this.frames.filter((at) => at >= since);
    this.ages = this.ages.filter(([at]) => at >= since);
    const ages = this.ages.map(([, age]) => age).sort((one, other) => one - other);
    const pace = [`${rate(this.frames.length)} frames per second`];
    if (ages.length) {
      const middle = Math.round(ages[ages.length >> 1]);
      pace.push(`${rate(ages.length)} answers per second, ${middle} ms after their frame`);
    }
    const lines = [...this.lines, pace.join("; ")];
    this.said.replaceChildren(...lines.map((line) => fill(document.createElement("li"), line)));
  }
}

function rate(count) {
  return Math.round((1000 * count) / WINDOW_MS);
}

function fill(element, words) {
  element.textContent = words;
  return element;
}

function draw({ box, text, tone, colour, ink }) {
  const mark = document.createElement("div");
  const [left, top, right, bottom] = box.map((share) => 100 * share);
  mark.className = `mark ${tone}${top < 8 ? " low" : ""}`;
  mark.style.cssText = `left:${left}%;top:${top}%;width:${right - left}%;height:${bottom - top}%`;
  mark.style.setProperty("--tone", colour);
  mark.style.setProperty("--ink", ink);
  mark.append(fill(document.createElement("span"), text));
  return mark;
}

const calls = new WeakMap();

export default function ({ parentElement, data }) {
  const call = calls.get(parentElement) ?? new Call(parentElement);
  calls.set(parentElement, call);
  call.admit(data.pass);
  return () => {
    call.stop();
    calls.delete(parentElement);
  };
}
