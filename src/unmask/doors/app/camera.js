// The camera's picture is shown as it comes. Stills of it are asked about one at a time, the newest
// whenever the one before is answered, so that none ever waits; the newest answer lies over it.
const SIDE_PX = 1280; // the longer side of a still
const QUALITY = 0.92;
const PACE_MS = 100; // between two stills
const PATIENCE_MS = 3000; // until an answer is missed and another still asked about
const WINDOW_MS = 2000; // over which frames and answers are counted
const SAY_MS = 1000; // between two changes of the words

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
    this.number = 0; // of the newest still
    this.answered = 0; // the newest still that is answered
    this.taken = new Map(); // when the camera took the stills that are not answered
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
    this.video.requestVideoFrameCallback((now, frame) => this.look(attempt, now, frame));
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
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = this.video.srcObject = null;
    [this.frames, this.ages, this.lines, this.saidAt] = [[], [], ["waiting for an answer"], 0];
    [this.waits, this.asked] = [false, -Infinity];
    this.taken.clear();
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
    if (this.waits && now - this.asked >= PATIENCE_MS) this.lose();
    if (!this.waits && now - this.asked >= PACE_MS) this.ask(attempt, now, frame.captureTime ?? now);
    this.say(now);
  }

  lose() {
    this.waits = false;
    this.lines = [`no answer for ${PATIENCE_MS / 1000} seconds; asking again`];
    this.marks.replaceChildren();
  }

  ask(attempt, now, captured) {
    const number = ++this.number;
    this.taken.set(number, captured);
    [this.waits, this.asked] = [true, now];
    const { videoWidth, videoHeight } = this.video;
    const scale = Math.min(1, SIDE_PX / Math.max(videoWidth, videoHeight));
    const [width, height] = [Math.round(videoWidth * scale), Math.round(videoHeight * scale)];
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    this.pen.drawImage(this.video, 0, 0, width, height);
    const send = (jpeg) => {
      const reader = new FileReader();
      reader.onload = () => {
        if (this.attempt === attempt) this.send({ number, jpeg: reader.result.split(",")[1] });
      };
      reader.readAsDataURL(jpeg);
    };
    this.canvas.toBlob(send, "image/jpeg", QUALITY);
  }

  take(answer) {
    if (answer.number <= this.answered) return;
    this.answered = answer.number;
    if (answer.number >= this.number) this.waits = false;
    this.number = Math.max(this.number, answer.number);
    const captured = this.taken.get(answer.number);
    for (const number of this.taken.keys()) if (number <= answer.number) this.taken.delete(number);
    if (captured === undefined) return; // an earlier call's
    this.lines = answer.lines;
    this.marks.replaceChildren(...answer.marks.map(draw));
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

export default function ({ parentElement, data, setTriggerValue }) {
  const call = calls.get(parentElement) ?? new Call(parentElement);
  calls.set(parentElement, call);
  call.send = (still) => setTriggerValue("still", still);
  call.take(data);
  return () => {
    call.stop();
    calls.delete(parentElement);
  };
}
