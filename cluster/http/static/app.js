"use strict";
// All that is shown comes from frameworks and tasks, so it is only ever set as text.

const MOST_TASKS = 500;
let latest = null;

function element(name, content, className) {
  const made = document.createElement(name);
  if (content instanceof Node) made.append(content);
  else if (content !== undefined) made.textContent = content;
  if (className) made.className = className;
  return made;
}

function bar(parts, text) {
  const box = element("span");
  const strip = element("span", undefined, "bar");
  for (const part of parts) {
    const piece = element("i");
    piece.style.width = `${100 * Math.min(1, Math.max(0, part))}%`;
    strip.append(piece);
  }
  box.append(strip, text);
  return box;
}

function usage(agent, name) {
  const total = agent.resources[name] || 0;
  if (total === 0 || !agent.address) return "";
  const offered = agent.offered[name] || 0;
  const used = total - (agent.free[name] || 0) - offered;
  return bar([used / total, offered / total], `${+used.toFixed(2)} of ${total}`);
}

function moment(seconds) {
  return seconds ? new Date(1000 * seconds).toLocaleTimeString() : "";
}

function day(seconds) {
  const date = new Date(1000 * seconds);
  return isNaN(date) ? `${seconds}` : date.toLocaleString();
}

const answered = (each) => `${each.framework_id}: ${each.answer.toLowerCase() || "none yet"}`;

// What operators want of an agent may be said of one that is not there.
const known = new Set(["active", "disconnected", "unreachable", "recovering"]);
const standing = (agent) =>
  agent.connected || known.has(agent.state) ? agent.state : `${agent.state}, disconnected`;

function link(address, text) {
  const made = element("a", text);
  made.href = `http://${address}`;
  return made;
}

function output(task, addresses) {
  const address = addresses.get(task.agent_id);
  const box = element("span");
  if (!address) return box;
  const query = new URLSearchParams({ framework: task.framework_id, executor: task.executor_id });
  for (const name of ["stdout", "stderr"]) {
    box.append(link(`${address}/ostrom/files/read?${query}&path=${name}`, name), " ");
  }
  return box;
}

function fill(id, columns, rows) {
  const head = element("tr");
  for (const column of Object.keys(columns)) head.append(element("th", column));
  const body = rows.map((row) => {
    const line = element("tr");
    for (const cell of Object.values(columns)) line.append(element("td", cell(row)));
    return line;
  });
  if (rows.length === 0) {
    const none = element("td", "none", "quiet");
    none.colSpan = 20;
    body.push(element("tr", none));
  }
  document.getElementById(id).replaceChildren(head, ...body);
}

const percent = (share) => bar([share], `${(100 * share).toFixed(1)} %`);

function show(state) {
  const addresses = new Map(state.agents.map((agent) => [agent.id, agent.address]));
  document.getElementById("master").textContent = `master ${state.master_id}`;
  fill("roles", {
    role: (role) => role.name,
    "dominant share": (role) => percent(role.share),
    weight: (role) => role.weight,
    guarantee: (role) => role.guarantee_text,
    limit: (role) => role.limit_text,
    frameworks: (role) => role.frameworks.join(", "),
  }, state.roles);
  fill("frameworks", {
    framework: (each) => each.id,
    name: (each) => each.name,
    roles: (each) => each.roles.join(", "),
    state: (each) => (each.connected ? "active" : "disconnected"),
    "dominant share": (each) => percent(each.share),
    tasks: (each) => each.tasks,
    offers: (each) => each.offers,
  }, state.frameworks);
  fill("agents", {
    agent: (each) => (each.address ? link(`${each.address}/ostrom/state`, each.id) : each.id),
    host: (each) => each.hostname,
    state: standing,
    cpus: (each) => usage(each, "cpus"),
    "mem, MiB": (each) => usage(each, "mem"),
    tasks: (each) => each.tasks,
    reserved: (each) => Object.entries(each.reserved_text).map(([role, text]) => `${role}: ${text}`).join(", "),
    attributes: (each) => each.attributes_text,
  }, state.agents);
  fill("maintenance", {
    machine: (each) => each.machine,
    state: (each) => each.state.toLowerCase(),
    from: (each) => day(each.start),
    until: (each) => (each.duration === null ? "" : day(each.start + each.duration)),
    agents: (each) => each.agents.join(", "),
    answers: (each) => each.inverse_offers.map(answered).join(", "),
  }, state.maintenance.machines);
  fill("offers", {
    offer: (each) => each.id,
    framework: (each) => each.framework_id,
    role: (each) => each.role,
    agent: (each) => each.agent_id,
    resources: (each) => each.resources_text,
  }, state.offers);
  const words = document.getElementById("filter").value.toLowerCase();
  const also = document.getElementById("completed").checked;
  const wanted = state.tasks.filter((task) =>
    (also || !task.completed) &&
    `${task.id} ${task.state} ${task.framework_id} ${task.agent_id}`.toLowerCase().includes(words));
  fill("tasks", {
    task: (task) => task.id,
    state: (task) => task.state.replace("TASK_", ""),
    framework: (task) => task.framework_id,
    agent: (task) => task.agent_id,
    resources: (task) => task.resources_text,
    since: (task) => moment(task.timestamp),
    output: (task) => output(task, addresses),
    message: (task) => task.message,
  }, wanted.slice(0, MOST_TASKS));
}

async function refresh() {
  const news = document.getElementById("news");
  try {
    const response = await fetch("/ostrom/state");
    if (!response.ok) throw new Error(`${response.status}`);
    latest = await response.json();
    news.textContent = "";
    show(latest);
  } catch (error) {
    news.textContent = `the master does not answer (${error.message})`;
  }
  setTimeout(refresh, 1000);
}

for (const id of ["filter", "completed"]) {
  document.getElementById(id).addEventListener("input", () => latest && show(latest));
}
refresh();
