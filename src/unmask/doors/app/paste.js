// A pasted file takes the way of an uploaded one: it is put into the page's own upload field.
export default function ({ parentElement }) {
  const said = parentElement.querySelector("#said");

  function upload(files) {
    const field = document.querySelector('.st-key-files input[type="file"]');
    if (!field || !files.length) return false;
    const held = new DataTransfer();
    for (const file of files) held.items.add(file);
    field.files = held.files;
    field.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  }

  function onPaste(event) {
    if (upload([...(event.clipboardData?.files ?? [])])) event.preventDefault();
  }

  async function onClick() {
    try {
      const files = [];
      for (const item of await navigator.clipboard.read()) {
        const type = item.types.find((name) => name.startsWith("image/"));
        if (type) files.push(new File([await item.getType(type)], `pasted.${type.slice(6)}`, { type }));
      }
      if (!upload(files)) said.textContent = "There is no picture in the clipboard.";
    } catch {
      said.textContent = "The browser does not let this page read the clipboard; press Ctrl+V (⌘V) instead.";
    }
  }

  const button = parentElement.querySelector("#paste");
  button.onclick = onClick;
  document.addEventListener("paste", onPaste);
  return () => document.removeEventListener("paste", onPaste);
}
