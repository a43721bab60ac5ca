"use strict";
(() => {
  // The list and the details of a report. Text of others is only ever put as text: the page's
  // policy forbids what would make markup of it.
  const FIRST = 100; // lines that are shown at a time
  const DRAWN = 80; // resources of a lineage that are drawn
  const SEVERITIES = ["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL"];
  const block = Number(document.currentScript.dataset.block);
  const byId = (id) => document.getElementById(id);
  const lines = JSON.parse(byId("lines").textContent);
  const list = byId("list");
  const more = byId("more");
  const filters = byId("filters");
  const tiles = [...document.querySelectorAll("[data-chooses]")];
  const blocks = new Map();
  let wanted = [];
  let shown = 0;

  const make = (tag, classes, ...children) => {
    const node = document.createElement(tag);
    if (classes) node.className = classes;
    node.append(...children.filter((one) => one !== null && one !== ""));
    return node;
  };
  const draw = (tag, attributes, ...children) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };
  const scroll = (name, child) => {
    const node = make("div", "scroll", child);
    node.tabIndex = 0;
    node.setAttribute("role", "region");
    node.setAttribute("aria-label", name);
    return node;
  };
  const section = (heading, ...children) => make("section", "", make("h3", "minor", heading), ...children);
  const spaced = (text) => text.replaceAll("_", " ");

  // ---- one case ----

  const unpacked = async (number) => {
    const packed = Uint8Array.from(atob(byId(`block-${number}`).textContent), (one) => one.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).json();
  };
  const detailsOf = async (index) => {
    const number = Math.floor(index / block);
    if (!blocks.has(number)) blocks.set(number, unpacked(number));
    return (await blocks.get(number))[index % block];
  };
  const SIGNS = { "+": "added", "-": "removed", "@": "place" };
  const signed = (line) => make("span", SIGNS[line[0]] || "", `${line}\n`);
  const isStatement = (line) => /^[+-] /.test(line);
  const FIRST_READ = { "What is so": "so", "What to do": "do", "What failed": "failed", "What did not end as it should": "failed" };
  const part = (one) =>
    make(
      "div",
      FIRST_READ[one.heading] || "",
      make("dt", "", one.heading),
      make(
        "dd",
        "",
        ...one.lines.map((line) => make("p", isStatement(line) ? SIGNS[line[0]] : "", line)),
      ),
    );
  const timeline = (moments) =>
    section(
      "Timeline",
      make(
        "ol",
        "timeline",
        ...moments.map((one) =>
          make("li", "", make("time", "", one.at), make("b", "", spaced(one.what)), make("span", "", one.says)),
        ),
      ),
    );
  const heads = (names, scope) =>
    names.map((name) => {
      const cell = make("th", "", name);
      cell.scope = scope;
      return cell;
    });
  const changes = (rows) =>
    section(
      "What the event changed",
      scroll(
        "What the event changed",
        make(
          "table",
          "changes",
          make("thead", "", make("tr", "", ...heads(["changed", "before", "contained", "released"], "col"))),
          make(
            "tbody",
            "",
            ...rows.map(([what, ...states]) =>
              make("tr", "", ...heads([what], "row"), ...states.map((one) => make("td", "", one))),
            ),
          ),
        ),
      ),
    );
  const differences = (found) =>
    section(
      "What was written, line by line",
      ...found.map((one) =>
        make(
          "figure",
          "",
          make("figcaption", "", one.heading),
          scroll(one.heading, make("pre", "difference", ...one.lines.map(signed))),
        ),
      ),
    );
  const exempt = (found) =>
    section(
      "Who is exempt, by the plan",
      ...found.map((one) =>
        make("div", "", make("p", "", one.heading), make("ul", "plain", ...one.lines.map((line) => make("li", "", line)))),
      ),
    );
  const follows = (link) => {
    if (!link.follows) return "does NOT follow the entry before it";
    if (link.number > 1) return `follows entry ${link.number - 1}`;
    return link.previous ? "follows the decision of its batch" : "begins the chain";
  };
  const chainLink = (link) =>
    make(
      "li",
      link.follows ? "good" : "bad",
      make("p", "", make("b", "", `${link.number} ${spaced(link.stage)}`), make("time", "", link.at)),
      make("p", "", `${link.follows ? "✔" : "✘"} ${follows(link)}`),
      make("p", "hash", "sha256 ", make("code", "", link.sha256)),
    );
  const chain = (found) =>
    section(
      "Evidence, link by link",
      make("p", `verdict ${found.verified ? "good" : "bad"}`, found.verdict),
      make("ul", "plain bad", ...found.faults.map((one) => make("li", "", one))),
      make("ol", "chain", ...found.links.map(chainLink)),
    );
  const short = (arn) => arn.split(":").slice(5).join(":") || arn;
  const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

  const graph = (nodes) => {
    const drawn = nodes.slice(0, DRAWN);
    const depths = [];
    const rows = [];
    const places = drawn.map((one, index) => {
      depths[index] = index ? depths[one.via] + 1 : 0;
      rows[depths[index]] = (rows[depths[index]] ?? -1) + 1;
      return [depths[index] * 262 + 6, rows[depths[index]] * 42 + 6];
    });
    const width = (Math.max(...depths) + 1) * 262 - 20;
    const height = Math.max(...rows.map((last) => last + 1)) * 42 + 6;
    const edges = drawn.slice(1).map((one, index) => {
      const [x, y] = places[one.via];
      const [toX, toY] = places[index + 1];
      const middle = (x + 230 + toX) / 2;
      return draw("path", { d: `M${x + 230} ${y + 15}C${middle} ${y + 15} ${middle} ${toY + 15} ${toX} ${toY + 15}` });
    });
    const boxes = drawn.map((one, index) => {
      const [x, y] = places[index];
      return draw(
        "g",
        { class: one.left ? "left" : "" },
        draw("rect", { x, y, width: 230, height: 30, rx: 6 }),
        draw("text", { x: x + 10, y: y + 20 }, cut(short(one.arn), 29)),
      );
    });
    const svg = draw("svg", { class: "graph", width, height, viewBox: `0 0 ${width} ${height}` }, ...edges, ...boxes);
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `${nodes.length} resources, and by which each was reached; the list below has them in words`);
    return svg;
  };
  const lineage = (found) => {
    const { nodes, unread } = found;
    const listed = nodes.slice(1).map((one) =>
      make("li", "", `${one.arn}, from ${short(nodes[one.via].arn)}${one.left ? `; not tagged: ${one.left}` : ""}`),
    );
    const head = nodes.length > DRAWN ? `Lineage: ${nodes.length} resources, of which ${DRAWN} are drawn` : "Lineage";
    return section(
      head,
      nodes.some((one) => one.left) ? make("p", "", "Dashed: it got no tag.") : null,
      scroll("Lineage", graph(nodes)),
      make("details", "", make("summary", "", `In words: ${nodes.length - 1} made of ${short(nodes[0].arn)}`), make("ul", "plain", ...listed)),
      make("ul", "plain bad", ...unread.map((one) => make("li", "", one))),
    );
  };
  const body = async (index) => {
    const of = await detailsOf(index);
    const line = lines[index];
    const event = line.event ? make("p", "about", `Event ${line.event}`) : null;
    return make(
      "div",
      "body",
      event,
      make("dl", "parts", ...of.sections.map(part)),
      of.changes.length ? changes(of.changes) : null,
      of.exempt.length ? exempt(of.exempt) : null,
      of.no_evidence ? section("From evidence", make("p", "", of.no_evidence)) : null,
      of.timeline.length ? timeline(of.timeline) : null,
      of.differences.length ? differences(of.differences) : null,
      of.chain ? chain(of.chain) : null,
      ...of.lineage.map(lineage),
      of.supports.length
        ? section("Supports evidence for", make("p", "", `${of.supports.join(", ")}. It proves no compliance.`))
        : null,
    );
  };

  // ---- the list ----

  const item = (index) => {
    const line = lines[index];
    const resources = line.resources || [];
    const named = resources.length > 2 ? [...resources.slice(0, 2), `and ${resources.length - 2} more`] : resources;
    const summary = make(
      "summary",
      "",
      make("span", `pill ${line.tone}`, spaced(line.status)),
      make("span", `severity ${(line.severity || "").toLowerCase()}`, line.severity || "–"),
      make("span", "what", make("b", "", line.title || line.kind || ""), make("small", "", [line.playbook, ...named].join(" · "))),
      make("span", "id", make("code", "", line.id || line.event || ""), line.age ? make("small", "", `${line.age} old`) : null),
    );
    const node = make("details", "", summary);
    const place = make("div", "");
    node.append(place);
    node.addEventListener("toggle", async () => {
      if (!node.open || place.hasChildNodes()) return;
      place.append(make("p", "body", "…"));
      const read = await body(index).catch(() => make("p", "body bad", "This browser is too old to show the case: it has no DecompressionStream."));
      place.replaceChildren(read);
    });
    return make("li", "", node);
  };
  const extend = () => {
    const next = wanted.slice(shown, shown + FIRST);
    list.append(...next.map(item));
    shown += next.length;
    const left = wanted.length - shown;
    more.hidden = left === 0;
    more.textContent = `Show ${Math.min(left, FIRST).toLocaleString("en")} more`;
    if (filters) {
      byId("count").textContent = `${wanted.length.toLocaleString("en")} of ${lines.length.toLocaleString("en")}; ${shown.toLocaleString("en")} are shown`;
    }
    return next.length;
  };

  const haystack = (line) =>
    (line.text ??= [line.id, line.title, line.kind, line.playbook, line.account, line.region, line.event, ...(line.resources || [])]
      .join("\n")
      .toLowerCase());
  const FIELDS = {
    text: (line, value) => haystack(line).includes(value.trim().toLowerCase()),
    show: (line, value) => (line.flags || []).includes(value),
    status: (line, value) => line.status === value,
    severity: (line, value) => line.severity === value,
    playbook: (line, value) => line.playbook === value,
    account: (line, value) => line.account === value,
  };
  const opened = (index) => lines[index].opened || "";
  const later = (a, b) => (opened(a) < opened(b) ? 1 : opened(a) > opened(b) ? -1 : a - b);
  const rank = (index) => (SEVERITIES.indexOf(lines[index].severity) + 6) % 6;
  const ORDERS = {
    newest: later,
    oldest: (a, b) => later(b, a),
    severity: (a, b) => rank(a) - rank(b) || later(a, b),
  };
  const search = () => {
    const given = filters ? Object.fromEntries(new FormData(filters)) : {};
    const conditions = Object.entries(FIELDS).filter(([name]) => given[name]);
    wanted = lines.map((_, index) => index).filter((index) =>
      conditions.every(([name, fits]) => fits(lines[index], given[name])),
    );
    wanted.sort(ORDERS[given.order] || later);
    for (const tile of tiles) tile.setAttribute("aria-pressed", String(tile.dataset.chooses === given.show));
    list.replaceChildren();
    shown = 0;
    extend();
  };

  const options = () => {
    for (const name of ["show", "status", "severity", "playbook", "account"]) {
      const given = name === "show" ? tiles.map((tile) => tile.dataset.chooses) : lines.flatMap((line) => line[name] || []);
      const found = new Set(given);
      const select = filters.elements[name];
      const values = name === "severity" ? SEVERITIES.filter((one) => found.has(one)) : [...found].sort();
      select.append(...values.map((one) => new Option(spaced(one), one)));
      select.parentElement.hidden = values.length < 2 && name !== "show";
    }
  };
  if (filters) {
    options();
    let waits;
    filters.addEventListener("input", () => {
      clearTimeout(waits);
      waits = setTimeout(search, 120);
    });
    filters.addEventListener("reset", () => setTimeout(search));
    filters.addEventListener("submit", (event) => event.preventDefault());
    for (const tile of tiles) {
      tile.addEventListener("click", () => {
        const select = filters.elements.show;
        select.value = select.value === tile.dataset.chooses ? "" : tile.dataset.chooses;
        search();
      });
    }
    filters.hidden = false;
  }
  const named = () => /^#case=([0-9a-f]+)$/.exec(location.hash)?.[1] ?? "";
  const find = () => {
    if (filters && named()) {
      for (const name of Object.keys(FIELDS)) filters.elements[name].value = "";
      filters.elements.text.value = named();
    }
    search();
    if (wanted.length === 1) list.querySelector("details").open = true;
  };
  more.addEventListener("click", () => {
    const first = list.children.length;
    extend();
    list.children[first]?.querySelector("summary").focus();
  });
  const folded = [...document.querySelectorAll("details.card")]; // the tables are printed whole
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = folded.filter((one) => !one.open);
    for (const one of closed) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of closed) one.open = false;
  });
  addEventListener("hashchange", () => {
    if (named()) find(); // else it leads to a heading
  });
  find();
  performance.mark("shown");
})();
