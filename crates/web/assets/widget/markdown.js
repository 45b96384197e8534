// Converts Markdown to text nodes and a fixed set of elements. Text is never parsed as HTML, no image is
// loaded, and links lead to web pages and mail addresses only.
const make = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
};

const linked = (address, ...children) => {
  const to = /^mailto:/i.test(address) ? address : safeAddress(address, ["http:", "https:"]);
  if (!to || !/^(https?|mailto):/i.test(address)) return null;
  return make("a", { href: to, target: "_blank", rel: "noopener noreferrer nofollow" }, ...children);
};

// Returns the position of the closing mark after `from`, within a few thousand characters.
const REACH = 4000;
const endOf = (text, mark, from) => {
  const end = text.slice(from, from + REACH).indexOf(mark);
  return end > 0 ? from + end : -1;
};

const MARKS = [["***", "strong"], ["**", "strong"], ["__", "strong"], ["~~", "del"], ["*", "em"], ["_", "em"]];
const isWord = (char) => char !== undefined && /[\p{L}\p{N}]/u.test(char);

// Parses bold, italic and struck text at `at`.
const marked = (text, at, depth) => {
  for (const [mark, name] of MARKS) {
    if (!text.startsWith(mark, at) || /\s|^$/.test(text[at + mark.length] ?? "")) continue;
    // `snake_case` is not emphasis.
    if (mark[0] === "_" && isWord(text[at - 1])) continue;
    let end = endOf(text, mark, at + mark.length);
    while (end > 0 && mark.length === 1 && text[end + 1] === mark) end = endOf(text, mark, end + 2);
    if (end < 0 || /\s/.test(text[end - 1])) continue;
    if (mark[0] === "_" && isWord(text[end + mark.length])) continue;
    const words = inline(text.slice(at + mark.length, end), depth + 1);
    return [make(name, {}, ...(mark === "***" ? [make("em", {}, ...words)] : words)), end + mark.length];
  }
  return null;
};

// Parses `[words](address)`. An image becomes its words.
const link = (text, at, depth) => {
  const start = text[at] === "!" ? at + 1 : at;
  const close = endOf(text, "](", start + 1);
  let end = close < 0 ? -1 : endOf(text, ")", close + 2);
  // The address itself may end in a parenthesis.
  if (text[end + 1] === ")" && text.slice(close + 2, end).includes("(")) end += 1;
  if (end < 0) return null;
  const [address] = text.slice(close + 2, end).trim().split(/\s/);
  const words = text.slice(start + 1, close);
  if (words.includes("\n\n") || words.includes("[")) return null;
  const made = linked(address, ...inline(words, depth + 1));
  return [made ?? document.createTextNode(words), end + 1];
};

// Citations, which visitors do not see: ` [1]`, `[2][3]`, ` [1, 2]`.
const CITED = /^[ \t]*(?:\[\d{1,3}(?:\s?[,–-]\s?\d{1,3}){0,20}\])+(?!\()/;
const BARE = /^https?:\/\/[^\s<>"'`]+/;

// Longest text that is searched for marks, beyond the length of any paragraph.
const LONGEST = 20000;

const inline = (text, depth = 0) => {
  if (text.length > LONGEST) return [document.createTextNode(text)];
  const nodes = [];
  let plain = "";
  const flush = () => { if (plain) nodes.push(document.createTextNode(plain)); plain = ""; };
  const put = (found) => { flush(); nodes.push(found[0]); return found[1]; };
  let at = 0;
  while (at < text.length) {
    const char = text[at];
    let found = null;
    if (char === "\\" && /[\\`*_{}[\]()#+.!|~<>-]/.test(text[at + 1] ?? "")) {
      plain += text[at + 1];
      at += 2;
      continue;
    }
    if (char === "`") {
      const [fence] = text.slice(at, at + 8).match(/^`+/);
      const end = endOf(text, fence, at + fence.length);
      if (end > 0) found = [make("code", {}, text.slice(at + fence.length, end).trim()), end + fence.length];
    } else if (char === " " || char === "[") {
      const cited = (char === " " ? text[at + 1] === "[" : !isWord(text[at - 1])) && text.slice(at, at + 200).match(CITED);
      if (cited) { at += cited[0].length; continue; }
      if (char === "[" && depth < 4) found = link(text, at, depth);
    } else if (char === "!" && text[at + 1] === "[" && depth < 4) {
      found = link(text, at, depth);
    } else if ("*_~".includes(char) && depth < 8) {
      found = marked(text, at, depth);
    } else if (char === "h" && !isWord(text[at - 1])) {
      const bare = text.slice(at, at + 2000).match(BARE);
      const address = bare?.[0].replace(/[.,;:!?)*_\]]+$/, "");
      const made = address && linked(address, address);
      if (made) found = [made, at + address.length];
    } else if (char === "\n") {
      plain = plain.replace(/ +$/, "");
      found = [make("br"), at + 1];
    }
    if (found) { at = put(found); } else { plain += char; at += 1; }
  }
  flush();
  return nodes;
};
