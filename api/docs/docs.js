// Renders /v1/openapi.json. Everything from the document is set as text, never as markup.
"use strict";

const methods = ["get", "post", "put", "patch", "delete"];

function element(name, text, attributes = {}) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

function resolve(spec, schema) {
  if (!schema || !schema.$ref) return schema || {};
  return spec.components.schemas[schema.$ref.split("/").pop()] || {};
}

// example builds a value of the schema from the examples in it.
function example(spec, schema, depth = 0) {
  const s = resolve(spec, schema);
  if (s.examples) return s.examples[0];
  if (s.enum) return s.enum[0];
  if (s.oneOf) return example(spec, s.oneOf[0], depth);
  const type = Array.isArray(s.type) ? s.type[0] : s.type;
  if (type === "array") return depth > 4 ? [] : [example(spec, s.items, depth + 1)];
  if (type === "object" && depth <= 4) {
    return Object.fromEntries(Object.entries(s.properties || {}).map(([k, v]) => [k, example(spec, v, depth + 1)]));
  }
  return { integer: 0, boolean: false, object: {}, string: s.format === "date-time" ? "2012-12-21T04:00:00Z" : "…" }[type] ?? null;
}

function table(headings, rows) {
  const node = element("table");
  const head = node.appendChild(element("tr"));
  for (const heading of headings) head.append(element("th", heading));
  for (const cells of rows) {
    const row = node.appendChild(element("tr"));
    for (const cell of cells) row.append(element("td", cell));
  }
  return node;
}

function bodies(spec, title, content) {
  const nodes = [];
  for (const [type, media] of Object.entries(content || {})) {
    nodes.push(element("h4", `${title} ${type}`));
    const properties = Object.entries(resolve(spec, media.schema).properties || {});
    if (properties.length === 0) continue;
    nodes.push(table(["field", "what"], properties.map(([name, s]) => [name, s.description || resolve(spec, s).description || ""])));
    nodes.push(element("pre", JSON.stringify(example(spec, media.schema), null, 2)));
  }
  return nodes;
}

function operation(spec, path, method, op) {
  const node = element("details", undefined, { id: op.operationId });
  const summary = node.appendChild(element("summary"));
  summary.append(element("span", method.toUpperCase(), { class: "method" }), element("span", path, { class: "path" }),
    element("span", op.summary || ""), element("span", op["x-roles"] ? op["x-roles"].join(", ") : "public", { class: "roles" }));
  if (op.description) node.append(element("p", op.description));
  if (op.parameters) {
    node.append(element("h4", "Parameters"), table(["name", "in", "required", "what"],
      op.parameters.map((p) => [p.name, p.in, p.required ? "yes" : "", p.description || ""])));
  }
  if (op.requestBody) node.append(...bodies(spec, "Body", op.requestBody.content));
  node.append(element("h4", "Answers"), table(["status", "what"],
    Object.entries(op.responses).map(([status, r]) => [status, r.description])));
  const success = Object.entries(op.responses).find(([status]) => status.startsWith("2"));
  if (success) node.append(...bodies(spec, success[0], success[1].content));
  return node;
}

function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
  if (target && target.tagName === "DETAILS") target.open = true;
  if (target) target.scrollIntoView();
}

function render(spec) {
  document.getElementById("version").textContent = spec.info.version;
  document.getElementById("about").textContent = spec.info.description;
  const main = document.getElementById("operations");
  main.replaceChildren();
  const byTag = new Map();
  for (const [path, item] of Object.entries(spec.paths)) {
    for (const method of methods.filter((m) => item[m])) {
      const tag = (item[method].tags || ["other"])[0];
      byTag.set(tag, [...(byTag.get(tag) || []), operation(spec, path, method, item[method])]);
    }
  }
  const index = document.getElementById("index");
  for (const [tag, nodes] of byTag) {
    index.append(element("a", tag, { href: `#${tag}` }), " ");
    main.append(element("h2", tag, { id: tag }), ...nodes);
  }
  const problems = document.getElementById("problems");
  for (const p of spec["x-problems"]) {
    const row = problems.appendChild(element("tr", undefined, { id: `problem-${p.code}` }));
    row.append(element("td", p.code), element("td", p.status), element("td", p.title.en),
      element("td", `${p.what.en} ${p.next.en}`), element("td", p.what.zh + p.next.zh, { lang: "zh" }));
  }
  openTarget();
}

addEventListener("hashchange", openTarget);
fetch("/v1/openapi.json").then((response) => response.json()).then(render).catch((error) => {
  document.getElementById("operations").replaceChildren(element("p", `The document could not be read: ${error}`));
});
