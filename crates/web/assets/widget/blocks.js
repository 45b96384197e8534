// Blocks of Markdown: paragraphs, headings, lists, quotes, code, tables.
const FENCE = /^ {0,3}(```+|~~~+)\s*([\w+#.-]*)/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*)$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const ITEM = /^( {0,12})(?:([-*+])|(\d{1,9})[.)])\s+(.*)$/;
const QUOTE = /^ {0,3}> ?/;
const DIVIDER = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

const isRow = (line) => line.includes("|");
const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|").slice(0, 40);
const kindOf = (line) => (line.match(ITEM)[3] ? "numbers" : line.match(ITEM)[2]);
const begins = (line) => FENCE.test(line) || HEADING.test(line) || RULE.test(line) || ITEM.test(line) || QUOTE.test(line);

// Splits a text into blocks, each as its lines.
const split = (text) => {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const blocks = [];
  let at = 0;
  const take = (goesOn) => {
    const start = at;
    at += 1;
    while (at < lines.length && goesOn(lines[at], at)) at += 1;
    return lines.slice(start, at);
  };
  while (at < lines.length) {
    const line = lines[at];
    if (!line.trim()) {
      at += 1;
    } else if (FENCE.test(line)) {
      const mark = line.match(FENCE)[1];
      const body = take((next) => !next.trim().startsWith(mark));
      at += 1;
      blocks.push({ kind: "code", lines: body.slice(1) });
    } else if (HEADING.test(line)) {
      blocks.push({ kind: "heading", lines: take(() => false) });
    } else if (RULE.test(line)) {
      blocks.push({ kind: "rule", lines: take(() => false) });
    } else if (QUOTE.test(line)) {
      blocks.push({ kind: "quote", lines: take((next) => QUOTE.test(next)) });
    } else if (ITEM.test(line)) {
      const kind = kindOf(line);
      const goesOn = (next, place) => {
        if (/^ {0,1}\S/.test(next) && ITEM.test(next) && kindOf(next) !== kind) return false;
        if (next.trim()) return ITEM.test(next) || /^\s{2,}/.test(next) || (!begins(next) && lines[place - 1].trim());
        const after = lines[place + 1] ?? "";
        return ITEM.test(after) || /^\s{2,}\S/.test(after);
      };
      blocks.push({ kind: "list", lines: take(goesOn) });
    } else if (isRow(line) && DIVIDER.test(lines[at + 1] ?? "") && isRow(lines[at + 1])) {
      blocks.push({ kind: "table", lines: take(isRow) });
    } else {
      blocks.push({ kind: "text", lines: take((next) => next.trim() && !begins(next)) });
    }
  }
  return blocks;
};

const list = (lines, depth) => {
  const [, margin, , number] = lines[0].match(ITEM);
  const start = number && Number(number) !== 1 ? number : null;
  const made = make(number ? "ol" : "ul", { start });
  let own = [];
  const flush = () => {
    if (!own.length) return;
    const [first] = own;
    const rest = own.slice(1).map((line) => line.replace(/^ {1,4}/, ""));
    made.append(make("li", {}, ...(depth < 6 ? render([first, ...rest].join("\n"), depth + 1, true) : inline(own.join("\n")))));
    own = [];
  };
  for (const line of lines) {
    const item = line.match(ITEM);
    if (item && item[1].length <= margin.length + 1) {
      flush();
      own.push(item[4]);
    } else {
      own.push(line);
    }
  }
  flush();
  return made;
};

const table = (lines) => {
  const [head, , ...rows] = lines.slice(0, 500);
  const row = (line, name) => make("tr", {}, ...cells(line).map((cell) => make(name, { dir: "auto" }, ...inline(cell.trim()))));
  const body = make("tbody", {}, ...rows.map((line) => row(line, "td")));
  return make("div", { class: "table", tabindex: "0", role: "group" }, make("table", {}, make("thead", {}, row(head, "th")), body));
};

const element = ({ kind, lines }, depth, isTight) => {
  switch (kind) {
    case "code": return make("pre", { dir: "ltr", tabindex: "0" }, make("code", {}, lines.join("\n")));
    case "heading": {
      const [, marks, words] = lines[0].match(HEADING);
      return make(`h${Math.min(marks.length + 2, 6)}`, { dir: "auto" }, ...inline(words.replace(/\s#+\s*$/, "")));
    }
    case "rule": return make("hr");
    case "quote": {
      const inner = lines.map((line) => line.replace(QUOTE, "")).join("\n");
      return make("blockquote", { dir: "auto" }, ...(depth < 6 ? render(inner, depth + 1) : [inner]));
    }
    case "list": return list(lines, depth);
    case "table": return table(lines);
    default: {
      const words = inline(lines.map((line) => line.trimStart()).join("\n"));
      return isTight ? make("span", { dir: "auto" }, ...words) : make("p", { dir: "auto" }, ...words);
    }
  }
};

const render = (text, depth = 0, isTight = false) => split(text).map((block) => element(block, depth, isTight));

// Shows a growing text. Unchanged blocks are kept, so that a selection in them remains.
const growing = (into) => {
  let shown = [];
  return (text) => {
    const blocks = split(text);
    const sources = blocks.map((block) => `${block.kind}\n${block.lines.join("\n")}`);
    let same = 0;
    while (same < sources.length && sources[same] === shown[same]) same += 1;
    while (into.childNodes.length > same) into.lastChild.remove();
    into.append(...blocks.slice(same).map((block) => element(block, 0, false)));
    shown = sources;
  };
};
