// Starts the console in the page: program, first data and socket at the same time, the graphics context as egui wants it,
// and a readable page for everything that can go wrong. It knows nothing of what the console shows.

/** egui smooths its own edges and sorts its own layers, so the browser's are pure cost: with software rendering a third of the frames. */
const CONTEXT = { alpha: false, antialias: false, depth: false, stencil: false };

/** A gateway that takes longer than this to answer is not waited for: the console asks again by itself and says so. */
const BOOTSTRAP_MILLIS = 3000;

/** Lost graphics contexts within a minute after which starting again by ourselves is not worth it. */
const MAX_RESTARTS = 3;

const isE2e = new URLSearchParams(location.search).has('e2e');
const stage = document.getElementById('stage');
const restarts = [];

performance.mark('qd:navigation', { startTime: 0 });
performance.mark('qd:loader');

/**
 * Lets eframe's frames through when one is due. It asks for the next one sixty times a second to see by itself whether it
 * wants it, which keeps a processor awake on a desk where nothing happens; here it waits for what the program said
 * (`qdFrames.due`), for news (`qdFrames.wake`), or for a person.
 */
function gateFrames() {
  const request = window.requestAnimationFrame.bind(window);
  const cancel = window.cancelAnimationFrame.bind(window);
  /** A frame may ask for one after it, as egui does after input; what comes of an event without a frame waits for the clock. */
  const FRAMES_AFTER_WAKING = 3;
  /** Everything that eframe listens to, and nothing is lost by one too many. */
  const EVENTS = [
    'keydown', 'keyup', 'input', 'compositionstart', 'compositionupdate', 'compositionend', 'paste', 'cut', 'copy',
    'pointerdown', 'pointerup', 'pointermove', 'pointercancel', 'mousedown', 'mouseup', 'mousemove', 'mouseleave', 'mouseout', 'contextmenu',
    'touchstart', 'touchmove', 'touchend', 'touchcancel', 'wheel', 'gesturestart', 'gesturechange', 'gestureend', 'dragover', 'dragleave', 'drop',
    'focus', 'blur', 'visibilitychange', 'resize', 'load', 'pageshow', 'pagehide', 'popstate', 'hashchange', 'afterprint',
  ];
  let dueAt = 0;
  let numAwake = 0;
  let timer;
  let lastId = 0;
  /** Frames that were asked for and have not come: what they call, and the browser's own number once it has been asked. */
  const waiting = new Map();

  const open = () => {
    clearTimeout(timer);
    for (const [id, frame] of waiting) {
      frame.requested ??= request((time) => {
        waiting.delete(id);
        frame.callback(time);
      });
    }
  };
  const wake = () => {
    numAwake = FRAMES_AFTER_WAKING;
    open();
  };
  const arm = () => {
    clearTimeout(timer);
    const wait = dueAt - performance.now();
    if (wait <= 0) open();
    else timer = setTimeout(open, Math.min(wait, 60_000));
  };
  window.requestAnimationFrame = (callback) => {
    lastId += 1;
    waiting.set(lastId, { callback });
    if (numAwake > 0) {
      numAwake -= 1;
      open();
    } else {
      arm();
    }
    return lastId;
  };
  window.cancelAnimationFrame = (id) => {
    const frame = waiting.get(id);
    if (frame?.requested) cancel(frame.requested);
    waiting.delete(id);
  };
  const due = (millis) => {
    dueAt = performance.now() + millis;
    arm();
  };
  for (const event of EVENTS) addEventListener(event, wake, { capture: true, passive: true });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', wake);
  new ResizeObserver(wake).observe(stage);
  window.qdFrames = { wake, due, next: request };
}

/** Shows the page that says what happened and what can be done. `detail` is for a report and may be long. */
function notice(title, text, detail) {
  const box = document.getElementById('notice');
  box.querySelector('h1').textContent = title;
  box.querySelector('p').textContent = text;
  const pre = box.querySelector('pre');
  pre.hidden = !detail;
  pre.textContent = detail ?? '';
  const button = box.querySelector('button');
  button.onclick = () => location.reload();
  box.hidden = false;
  button.focus();
}

function hideNotice() {
  document.getElementById('notice').hidden = true;
}

/** The text of the first answer, or null when the console has to ask by itself. Without a session it leaves for the sign-in. */
async function fetchBootstrap() {
  try {
    const response = await fetch('/api/v1/bootstrap', {
      cache: 'no-store',
      credentials: 'same-origin',
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(BOOTSTRAP_MILLIS),
    });
    if (response.status === 401) {
      location.replace('/auth/sign_in');
      return await new Promise(() => {});
    }
    const text = response.ok ? await response.text() : null;
    performance.mark('qd:bootstrap');
    return text;
  } catch {
    return null;
  }
}

/**
 * The socket that the program will speak on. The gateway says nothing before it has heard a hello, so nothing is missed until
 * then; when that takes the program too long the gateway closes it, and the program opens one of its own.
 */
function openSocket() {
  try {
    const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}/ws`, 'quarterdeck.v1');
    socket.addEventListener('open', () => performance.mark('qd:socket'), { once: true });
    return socket;
  } catch {
    return null;
  }
}

/** The program, compiled while it downloads. */
async function loadProgram() {
  const program = await import(document.getElementById('program-js').href);
  await program.default({ module_or_path: document.getElementById('program-wasm').href });
  performance.mark('qd:program');
  return program;
}

/** A canvas with its context already made: when eframe asks for one later, the browser gives it this one. */
function openCanvas() {
  const canvas = document.createElement('canvas');
  canvas.setAttribute('aria-label', 'Quarterdeck console');
  canvas.tabIndex = 0;
  stage.replaceChildren(canvas);
  // The size that egui will find; another one later would make all buffers anew.
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * scale);
  canvas.height = Math.round(canvas.clientHeight * scale);
  const gl = canvas.getContext('webgl2', CONTEXT) ?? canvas.getContext('webgl', CONTEXT);
  if (!gl) {
    canvas.remove();
    return null;
  }
  performance.mark('qd:canvas');
  return { canvas, gl };
}

/** Calls back inside the frame that draws first, so that frame and canvas change places in one picture. */
function onFirstDraw(gl, callback) {
  const draw = gl.drawElements;
  gl.drawElements = function (...args) {
    delete gl.drawElements;
    draw.apply(gl, args);
    callback();
  };
}

/** The document for screen readers: at once for a test or the skip link, else with the first Tab. Gives a function that ends it. */
function offerMirror(handle, canvas) {
  let stop = () => {};
  const starts = new AbortController();
  const start = async () => {
    starts.abort();
    const { startMirror } = await import(document.querySelector('meta[name="mirror"]').content);
    stop = startMirror(handle, canvas, document.getElementById('mirror'));
  };
  const begin = () => start().catch((error) => console.warn('the console cannot be read out:', error));
  if (isE2e) {
    begin();
  } else {
    addEventListener('keydown', (event) => event.key === 'Tab' && begin(), { signal: starts.signal, capture: true });
    document.getElementById('skip').addEventListener('click', begin, { signal: starts.signal });
  }
  return () => {
    starts.abort();
    stop();
  };
}

/** The panic's message, `null` while all is well. A program that cannot be asked any more has ended as well. */
function panicOf(handle) {
  try {
    return handle.has_panicked() ? handle.panic_message() ?? 'no message' : null;
  } catch (error) {
    return String(error?.stack ?? error);
  }
}

/** Looks once a second, and at once when the page reports an error, whether the program is still alive. */
function watch(handle) {
  let timer;
  const stop = () => {
    clearInterval(timer);
    removeEventListener('error', look);
    removeEventListener('unhandledrejection', look);
  };
  const look = () => {
    const message = panicOf(handle);
    if (message === null) return;
    stop();
    notice(
      'The console has stopped',
      'It found itself in a state that must not be, and ended rather than show something wrong. Your orders and positions are on the server and are not touched. Reload to start it again.',
      message,
    );
  };
  timer = setInterval(look, 1000);
  addEventListener('error', look);
  addEventListener('unhandledrejection', look);
  return stop;
}

/** The browser may take the graphics memory away at any time: after sleep, a driver update, under pressure. */
function onContextLost(program, handle) {
  try {
    handle?.destroy();
  } catch (error) {
    console.warn('the console could not be ended:', error);
  }
  const now = performance.now();
  restarts.push(now);
  const recent = restarts.filter((at) => now - at < 60_000).length;
  if (recent > MAX_RESTARTS) {
    notice('Graphics keep failing', 'The browser has taken the graphics context away several times within a minute. Close other tabs that draw much, then reload.');
    return;
  }
  notice('Starting again', 'The browser took the graphics context away. The console starts again by itself; nothing is lost.');
  setTimeout(() => begin(Promise.resolve(program), fetchBootstrap()).catch(failed), 250 * 2 ** recent);
}

/** The first start opens a socket for the program, after what it waits for has been asked for; a start after it does not. */
async function begin(loading, asking, isFirst = false) {
  const surface = openCanvas();
  if (!surface) {
    notice('This browser shows no WebGL', 'The console draws with WebGL 2, which is switched off or not there. Switch on hardware acceleration in the browser’s settings, or use the native console.');
    return;
  }
  const { canvas, gl } = surface;
  const socket = isFirst ? openSocket() : null;
  try {
    await start(canvas, gl, socket, await Promise.all([loading, asking]));
  } catch (error) {
    // Where the program does not start nobody needs it.
    socket?.close();
    throw error;
  }
}

async function start(canvas, gl, socket, [program, bootstrap]) {
  if (gl.isContextLost()) {
    socket?.close();
    onContextLost(program, null);
    return;
  }
  const handle = new program.WebHandle();
  if (isE2e) window.__qd = handle;
  const stopWatching = watch(handle);
  const endMirror = offerMirror(handle, canvas);
  canvas.addEventListener('webglcontextlost', (event) => {
    event.preventDefault();
    stopWatching();
    endMirror();
    onContextLost(program, handle);
  }, { once: true });
  onFirstDraw(gl, () => {
    performance.mark('qd:first-frame');
    performance.measure('qd:navigation to first frame', 'qd:navigation', 'qd:first-frame');
    document.body.classList.add('running');
    hideNotice();
  });
  try {
    await handle.start(canvas, bootstrap ?? undefined, socket ?? undefined);
  } catch (error) {
    // Nothing goes on behind a page that says it could not be started.
    stopWatching();
    endMirror();
    handle.destroy();
    throw error;
  }
  canvas.focus({ preventScroll: true });
}

function failed(error) {
  notice('The console could not be started', 'Its program did not load or did not start. The server may have been updated or be restarting: reload in a moment.', String(error?.stack ?? error));
}

if (typeof WebAssembly !== 'object') {
  notice('This browser is too old', 'The console is a WebAssembly program. Use a current Chromium, Firefox or Safari, or the native console.');
} else {
  gateFrames();
  begin(loadProgram(), fetchBootstrap(), true).catch(failed);
}
