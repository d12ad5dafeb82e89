// The console as a document, for those who hear it: a canvas says nothing to a screen reader.
// The program's accessibility tree becomes elements with roles and names, out of sight; what is done to them is told to the
// program as if it had been done on the canvas. It starts with the first Tab, with the skip link, or with ?e2e, for it costs
// the program time: until then there is nothing to keep.

/** How often the document follows the canvas. */
const FOLLOW_MILLIS = 200;

/** AccessKit's roles as elements; a role without a line here is a place for its children when it has a name, and nothing else. */
const ELEMENTS = {
  Button: ['button'],
  CheckBox: ['button', 'checkbox'],
  RadioButton: ['button', 'radio'],
  ColumnHeader: ['span'],
  Dialog: ['div', 'dialog'],
  Alert: ['div', 'alert'],
  AlertDialog: ['div', 'alertdialog'],
  Link: ['button', 'link'],
  Label: ['span'],
  ListItem: ['div', 'listitem'],
  MenuItem: ['button'],
  Region: ['section', 'region'],
  Row: ['div', 'listitem'],
  Status: ['div', 'status'],
  Table: ['div', 'list'],
  TextInput: ['input', 'textbox'],
  Navigation: ['nav', 'navigation'],
};

/** A field that a closing dialog takes the keyboard from is asked for again, so often and so far apart. */
const FOCUS_TRIES = 40;
const FOCUS_MILLIS = 50;

const WORDS_ONLY = new Set(['Label', 'ColumnHeader']);

/** Follows the program from now on; gives a function that ends it. */
export function startMirror(handle, canvas, root) {
  const kept = new Map();
  handle.mirror_start();

  const type = async (nodeId, text) => {
    // Twice in a row: a dialog that has just closed still gives the keyboard back.
    let steady = 0;
    for (let i = 0; i < FOCUS_TRIES && steady < 2; i += 1) {
      if (handle.mirror_focused() === nodeId) {
        steady += 1;
      } else {
        steady = 0;
        handle.mirror_act(nodeId, 'focus');
      }
      await new Promise((resolve) => setTimeout(resolve, FOCUS_MILLIS));
    }
    // Into another field nothing is typed.
    if (handle.mirror_focused() === nodeId) handle.mirror_act(nodeId, 'type', text);
  };

  const make = (node) => {
    const [tag, role] = ELEMENTS[node.role] ?? ['div', 'group'];
    const element = document.createElement(tag);
    element.id = `m${node.node_id}`;
    element.dataset.role = node.role;
    if (role) element.setAttribute('role', role);
    if (tag === 'button') {
      element.type = 'button';
      element.addEventListener('click', (event) => {
        event.stopPropagation();
        if (element.getAttribute('aria-disabled') !== 'true') handle.mirror_act(node.node_id, 'click');
      });
    } else if (tag === 'input') {
      element.type = 'text';
      element.addEventListener('change', () => type(node.node_id, element.value));
    }
    return element;
  };

  const set = (element, name, value) => {
    if (value === null || value === undefined) {
      if (element.hasAttribute(name)) element.removeAttribute(name);
    } else if (element.getAttribute(name) !== value) {
      element.setAttribute(name, value);
    }
  };

  const fill = (element, node) => {
    const words = node.label ?? node.value ?? '';
    if (WORDS_ONLY.has(node.role)) {
      if (element.textContent !== words) element.textContent = words;
      return;
    }
    set(element, 'aria-label', words || null);
    set(element, 'aria-disabled', node.is_disabled ? 'true' : null);
    set(element, 'aria-checked', node.is_toggled === null ? null : String(node.is_toggled));
    if (element.tagName === 'INPUT' && document.activeElement !== element && element.value !== (node.value ?? '')) {
      element.value = node.value ?? '';
    }
  };

  const follow = () => {
    const text = handle.mirror_tree();
    if (text === undefined || text === null) return;
    const seen = new Set();
    let focused = null;
    // The elements that nodes hang under, by depth; a node that is shown by no element lends its parent's.
    const above = [{ depth: -1, element: root, next: root.firstChild }];
    for (const node of JSON.parse(text)) {
      while (above.at(-1).depth >= node.depth) above.pop();
      const parent = above.at(-1);
      const isShown = ELEMENTS[node.role] !== undefined && Boolean(node.label ?? node.value);
      if (!isShown) continue;
      seen.add(node.node_id);
      let element = kept.get(node.node_id);
      if (!element || element.dataset.role !== node.role) {
        if (element && parent.next === element) parent.next = element.nextSibling;
        element?.remove();
        element = make(node);
        kept.set(node.node_id, element);
      }
      fill(element, node);
      // Only what stands in another place is moved: moving takes the reader's place away.
      if (parent.next === element) {
        parent.next = element.nextSibling;
      } else {
        // What was next may have moved meanwhile.
        const next = parent.next?.parentNode === parent.element ? parent.next : null;
        parent.element.insertBefore(element, next);
      }
      if (node.is_focused) focused = element.id;
      // A menu hangs under its button in the tree; in a document a button holds nothing.
      if (element.tagName === 'DIV' || element.tagName === 'SECTION' || element.tagName === 'NAV') {
        above.push({ depth: node.depth, element, next: element.firstChild });
      }
    }
    for (const [id, element] of kept) {
      if (!seen.has(id)) {
        element.remove();
        kept.delete(id);
      }
    }
    set(canvas, 'aria-activedescendant', focused);
  };

  canvas.setAttribute('role', 'application');
  canvas.setAttribute('aria-owns', root.id);
  root.setAttribute('aria-label', 'Quarterdeck console');
  const timer = setInterval(() => {
    try {
      follow();
    } catch (error) {
      // A document that no longer follows must not stand there: it is made anew with the next change.
      root.replaceChildren();
      kept.clear();
      console.warn('the console is read out anew:', error);
    }
  }, FOLLOW_MILLIS);
  return () => {
    clearInterval(timer);
    root.replaceChildren();
    kept.clear();
  };
}
