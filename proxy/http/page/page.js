"use strict";
/*
 * The page asks for api/status each second, and for the rest where that tells
 * of something new, one question at a time.  Names and texts, which anybody may
 * have made up, become text nodes: nothing that is answered is read as markup.
 */

const ROUND_MS = 1000;
const HIDDEN_MS = 10000; // between rounds while nobody looks
const PATIENCE_MS = 5000; // for one answer
const RETRY_MAX_MS = 15000;
const SHOWN = 50; // items of a list, at most
const ASKED = 200; // entries in an answer, at most
const LANES = 8; // of the time line
const PARTS = {60000: 4, 300000: 5, 1800000: 6}; // of what it shows
const TREND = 60; // samples kept
const RATE_OVER = 10; // samples that a rate is of

const seen = {
	status: null,
	heardMs: 0, // when, by performance.now()
	held: [],
	heldCount: 0,
	windows: [],
	history: [],
	sessions: [],
	sessionCount: 0,
	silentWorkers: 0, // whose sessions are not among them
	hasOlder: false, // more entries than were asked for
	story: null,
	why: "",
	samples: [],
};
const wish = {
	chosen: null, // the id of the statement whose story is shown
	isOwn: false, // somebody has chosen it
	limit: SHOWN, // entries of the history
	isNew: false, // it is to be asked for now
};

// -- elements

const byId = id => document.getElementById(id);

function put(node, attributes, children) {
	for (const [name, value] of Object.entries(attributes))
		node.setAttribute(name, value);
	node.append(...children);
	return node;
}

function html(name, attributes = {}, ...children) {
	return put(document.createElement(name), attributes, children);
}

function svg(name, attributes = {}, ...children) {
	const space = "http://www.w3.org/2000/svg";

	return put(document.createElementNS(space, name), attributes, children);
}

/* Replace the text where it differs, so that it is not announced again. */
function say(id, text) {
	if (byId(id).textContent !== text)
		byId(id).textContent = text;
}

/* Cut what stands in a text of SVG until it is no longer than that. */
function fit(text, most) {
	const whole = text.textContent;
	let length = whole.length;

	if (text.getComputedTextLength() <= most)
		return;
	while (length > 1 && text.getComputedTextLength() > most) {
		length = Math.min(length - 1, Math.floor(
			length * most / text.getComputedTextLength()) + 1);
		text.textContent = [...whole.slice(0, length)].join("") + "\u2026";
	}
	text.append(svg("title", {}, whole));
}

// -- words

function duration(ms) {
	const s = Math.floor(ms / 1000);

	if (ms < 1000)
		return `${Math.round(ms)} ms`;
	if (s < 60)
		return `${(ms / 1000).toFixed(1)} s`;
	if (s < 3600)
		return `${Math.floor(s / 60)} min ${s % 60} s`;
	if (s < 86400)
		return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
	return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

/* Likewise of what is no fraction of its unit. */
const whole = ms => ms % 60000 > 0 ? `${ms / 1000} s` : `${ms / 60000} min`;
const time = ms => `${new Date(ms).toISOString().slice(11, 19)} UTC`;
const number = n => n.toLocaleString("en");
const many = (n, one, more = `${one}s`) => `${number(n)} ${n === 1 ? one : more}`;

function bytes(n) {
	const units = ["B", "kB", "MB", "GB"];
	let unit = 0;

	for (; n >= 1000 && unit < units.length - 1; unit++)
		n /= 1000;
	return `${unit === 0 ? Math.round(n) : n.toFixed(1)} ${units[unit]}`;
}

function owner(entry) {
	const name = entry.application_name || entry.user || "a client";

	return `${name}, pid ${entry.pid ?? "?"}, user ${entry.user ?? "?"}, ` +
		`database ${entry.database ?? "?"}`;
}

/* Who is in the way, and by what. */
function blocker(holder) {
	const who = holder.pid ? `pid ${holder.pid} ` : "";
	const lock = holder.mode ?
		`, ${holder.mode}${holder.on ? ` on ${holder.on}` : ""}` : "";

	return `${who}${holder.who ?? ""}: ${holder.state ?? "?"}${lock}`;
}

function since(entry, holder) {
	const seenAt = time(Date.parse(entry.began) + holder.seen_ms);

	return (holder.age_ms ? `in a transaction for ${duration(holder.age_ms)}, ` :
		"") + `in the way since ${seenAt}`;
}

function kind(entry) {
	const good = ["protected", "unopposed", "partly-protected"];
	const bad = ["timed-out", "rejected", "deadlock", "canceled"];

	if (bad.includes(entry.outcome))
		return "bad";
	return good.includes(entry.outcome) ? "good" : "warn";
}

// -- questions

class Odd extends Error {}

/* Show what would move text about, or not be seen, as what it is; a number of
 * more digits than JavaScript's numbers have, in all of them. */
function plain(key, value, context) {
	if (Number.isInteger(value) && !Number.isSafeInteger(value))
		return context?.source ?? value;
	return typeof value !== "string" ? value : value.replace(
		/[\p{Cc}\p{Cf}\u2028\u2029]/gu, c =>
			"\\u" + c.codePointAt(0).toString(16).padStart(4, "0"));
}

async function ask(path, isText) {
	const answer = await fetch(path, {
		cache: "no-store",
		signal: AbortSignal.timeout(PATIENCE_MS),
	});

	if (!answer.ok)
		throw new Odd(`${path}: ${answer.status}`);

	const text = await answer.text();

	return isText ? text : JSON.parse(text, plain);
}

/* The statement whose story is shown: the one that was chosen, else the one
 * that has been held for the longest time. */
function choose() {
	if (!wish.isOwn && seen.held.length > 0)
		wish.chosen = seen.held[0].id;
}

async function askStory() {
	const id = wish.chosen;

	if (id === null || (seen.story?.id === id && seen.story.state === "over"))
		return;
	try {
		const story = await ask(`api/guarded?id=${id}`);

		seen.why = await ask(`api/why?id=${id}`, true);
		seen.story = story;
	} catch (error) {
		if (!(error instanceof Odd))
			throw error;
		seen.story = null; // it is not kept any more
		wish.chosen = null;
		wish.isOwn = false;
	}
}

async function askAll() {
	const last = seen.status;
	const now = await ask("api/status");
	const isRestarted = last?.started !== now.started;
	const isShut = seen.windows.some(w => w.state === "shut");

	if (isRestarted) {
		seen.story = null;
		seen.samples = [];
	}
	if (now.under_way > 0 || seen.held.length > 0) {
		const held = await ask(`api/held?limit=${ASKED}`);

		seen.held = held.held;
		seen.heldCount = held.count;
	}
	if (isRestarted || isShut || now.windows !== last.windows)
		seen.windows = (await ask(`api/windows?limit=${ASKED}`)).windows;
	if (isRestarted || wish.isNew || now.over !== last.over) {
		const path = `api/guarded?brief=1&limit=${wish.limit}`;
		const all = (await ask(path)).guarded;

		seen.hasOlder = all.length >= wish.limit;
		seen.history = all.filter(entry => entry.state === "over");
		wish.isNew = false;
	}
	if (byId("sessions-box").open) {
		const all = await ask(`api/sessions?limit=${SHOWN}`);

		seen.sessions = all.sessions;
		seen.sessionCount = all.count;
		seen.silentWorkers = all.silent_workers;
	}
	choose();
	await askStory();
	seen.status = now;
	seen.heardMs = performance.now();
	seen.samples = [...seen.samples.slice(-TREND),
		{ms: seen.heardMs, totals: now.totals}];
}

/* The server's time, since 1970. */
const serverMs = () =>
	Date.parse(seen.status.now) + performance.now() - seen.heardMs;

// -- lists

const drawn = new WeakMap(); // of each item: what it shows

/* The list is one stop for the Tab key: where the focus is, else at what is
 * chosen, else at the first. */
function setStop(list) {
	const stop = list.querySelector(":focus") ??
		list.querySelector("[aria-selected=true]") ?? list.firstElementChild;

	for (const li of list.children)
		li.setAttribute("tabindex", li === stop ? 0 : -1);
}

const isChoice = list => list.getAttribute("role") === "listbox";

/* Draw the first entries as items; those that stand are kept, so that the focus
 * is, and a selection.  Returns the id of the one that had the focus and is
 * gone, or null. */
function fill(list, entries, draw) {
	const old = new Map([...list.children].map(li => [li.dataset.id, li]));
	const focused = document.activeElement?.dataset.id;

	entries.slice(0, SHOWN).forEach((entry, i) => {
		const id = String(entry.id);
		const li = old.get(id) ??
			html("li", {role: isChoice(list) ? "option" : "listitem",
				tabindex: -1, "data-id": id});

		old.delete(id);
		if (drawn.get(li) !== JSON.stringify(entry))
			li.replaceChildren(...draw(entry));
		drawn.set(li, JSON.stringify(entry));
		li.className = entry.state;
		if (isChoice(list))
			li.setAttribute("aria-selected", entry.id === wish.chosen);
		if (list.children[i] !== li)
			list.insertBefore(li, list.children[i] ?? null);
	});
	for (const li of old.values())
		li.remove();
	setStop(list);
	return old.has(focused) ? focused : null;
}


function pick(id) {
	wish.chosen = Number(id);
	wish.isOwn = true;
	draw();
	round();
}

function handleKey(event) {
	const list = event.currentTarget;
	const li = event.target.closest("li");
	const to = {
		ArrowDown: li?.nextElementSibling,
		ArrowUp: li?.previousElementSibling,
		Home: list.firstElementChild,
		End: list.lastElementChild,
	}[event.key];

	if (to) {
		to.focus();
		setStop(list);
	} else if (li && isChoice(list) && (event.key === "Enter" || event.key === " ")) {
		pick(li.dataset.id);
	} else if (!["ArrowDown", "ArrowUp"].includes(event.key)) {
		return;
	}
	event.preventDefault();
}

/* Those that have the words of the filter. */
function filtered(entries) {
	const words = byId("filter").value.toLowerCase().split(/\s+/);

	return entries.filter(entry => {
		const all = [entry.id, entry.statement, entry.text, entry.tables,
			entry.outcome, entry.result, owner(entry),
			...entry.holders.map(blocker)].join(" ").toLowerCase();

		return words.every(word => all.includes(word));
	});
}

function shownOf(shown, all, rest) {
	return shown < all ? `${number(shown)} of ${number(all)} shown${rest}` : "";
}

function itemOfHeld(entry) {
	const began = time(Date.parse(entry.began));
	const isHeld = entry.state === "held";
	const items = [
		html("span", {},
			html("b", {}, duration(isHeld ? entry.held_ms : entry.run_ms)),
			` ${entry.statement} `,
			html("small", {}, `id ${entry.id}, ` + (isHeld ?
				`held since ${began}` :
				`running, held before for ${duration(entry.held_ms)}`))),
		html("code", {}, entry.text ?? ""),
		html("small", {}, `${owner(entry)}; ` +
			`${many(entry.attempts, "attempt")}, ` +
			many(entry.windows, "window")),
	];

	for (const holder of isHeld ? entry.holders : [])
		items.push(html("span", {class: "blocker"},
			html("span", {class: "bad"}, blocker(holder)),
			html("small", {}, ` ${since(entry, holder)}`)));
	if (isHeld && entry.in_the_way > entry.holders.length)
		items.push(html("small", {}, "and " + many(
			entry.in_the_way - entry.holders.length, "more lock")));
	return items;
}

function itemOfHistory(entry) {
	const delayed = entry.delayed > 0 ?
		`; delayed ${many(entry.delayed, "transaction")}` : "";

	return [
		html("span", {}, time(Date.parse(entry.began)).slice(0, 8)),
		html("span", {}, `${entry.statement} `,
			html("small", {}, `id ${entry.id}, held for ` +
				`${duration(entry.held_ms)}${delayed}`)),
		html("span", {class: `outcome ${kind(entry)}`},
			`${entry.outcome ?? "ended"} ${entry.result ?? ""}`),
		html("code", {}, entry.text ?? ""),
		html("small", {class: "of"}, owner(entry)),
	];
}

/* What a session does, in words. */
function doing(session) {
	const waits = {
		guard: "is held by the guard",
		gate: "waits at the gate",
		console: "waits for RESUME",
		upstream: "waits for the server",
	}[session.waits_for];

	if (session.state === "idle" || session.state === "console")
		return session.state;
	if (session.transaction === null) // it is not logged in
		return `${session.state}, ${waits ?? "waits for its client"}`;

	const block = {T: "in a transaction", E: "in a failed transaction"}[
		session.transaction];

	return [block, waits ?? (block ? "waits for its client" :
		session.state)].filter(Boolean).join(", ");
}

function itemOfSession(session) {
	const from = session.host === null ? "a Unix socket" :
		`${session.host} port ${session.port}`;
	const least = session.is_exact || session.for_ms === 0 ? "" : "\u2265 ";
	const isBad = ["held", "waiting", "paused"].includes(session.state);

	return [
		html("b", {}, least + duration(session.for_ms)),
		html("span", {},
			html("span", {class: isBad ? "warn" : ""}, doing(session)),
			`; ${owner(session)}`),
		html("small", {}, `session ${session.id}, from ${from}, ` +
			`connected for ${duration(session.connected_ms)}`),
	];
}

function drawSessions() {
	fill(byId("sessions"), seen.sessions, itemOfSession);
	byId("sessions-none").hidden = seen.sessions.length > 0;
	say("sessions-count", number(seen.sessionCount));
	say("sessions-more", shownOf(Math.min(seen.sessions.length, SHOWN),
		seen.sessionCount, "") + (seen.silentWorkers > 0 ?
		` ${many(seen.silentWorkers, "worker")} did not answer.` : ""));
}

function drawHeld() {
	const held = filtered(seen.held);
	const told = seen.held.slice(0, 3).map(entry =>
		`${entry.statement} ${entry.id} is ${entry.state}` +
		(entry.holders.length > 0 ? `; ${blocker(entry.holders[0])}` : ""));
	const running = seen.held.filter(entry => entry.state === "running").length;
	const count = seen.heldCount - running;

	say("held-count", (count > 0 ? number(count) : "") +
		(running > 0 ? ` (running: ${number(running)})` : ""));
	say("held-told", told.join(". "));
	say("held-more", shownOf(Math.min(held.length, SHOWN), seen.heldCount,
		", those held for longest"));
	byId("held-none").hidden = seen.held.length > 0;
	document.title = (count > 0 ? `(${count}) ` : "") + "Lockstep";
	return fill(byId("held"), held, itemOfHeld);
}

function drawHistory() {
	const found = filtered(seen.history);

	fill(byId("history"), found, itemOfHistory);
	byId("history-none").hidden = seen.history.length > 0;
	byId("older").hidden = !seen.hasOlder || wish.limit >= ASKED;
	say("history-more", shownOf(Math.min(found.length, SHOWN),
		seen.history.length, byId("filter").value ? "" :
			"; the filter finds the others"));
}

// -- the lock set as a picture

const ROW = 46; // of a table
const LINE = 18; // for each holder
const LEFT = 34; // of the boxes: the numbers stand there

function placeTables(story) {
	let top = 4;

	return story.locks.map(lock => {
		const holders = story.state === "held" ?
			story.holders.filter(holder => holder.on === lock.name) : [];
		const height = ROW + LINE * holders.length;
		const place = {lock, holders, top, height, middle: top + ROW / 2};

		top += height + 10;
		return place;
	});
}

function drawTable(place, i, width) {
	const texts = [
		svg("text", {x: LEFT + 10, y: place.top + 19}, place.lock.name),
		svg("text", {x: LEFT + 10, y: place.top + 36, class: "soft"},
			place.lock.mode +
			(place.lock.is_remembered ? ", remembered" : "")),
		...place.holders.map((holder, k) =>
			svg("text", {x: LEFT + 10, class: "warn",
				y: place.top + 36 + LINE * (k + 1)},
			`${holder.mode}: pid ${holder.pid} ${holder.who ?? ""}` +
			(holder.age_ms ? `, ${duration(holder.age_ms)}` : ""))),
	];

	return svg("g", {class: "table"},
		svg("rect", {x: LEFT, y: place.top, width, height: place.height,
			rx: 4, class: place.holders.length > 0 ? "box taken" : "box"}),
		svg("circle", {cx: 15, cy: place.middle, r: 12, class: "disc"}),
		svg("text", {x: 15, y: place.middle + 5, class: "number"}, `${i + 1}`),
		...texts);
}

/* An arrow from one table to the one that it comes behind. */
function drawEdge(from, to, right, room) {
	const a = from.middle - 7;
	const b = to.middle + 7;
	const bend = Math.min(room * 1.3, 20 + Math.abs(a - b) / 3);

	return svg("g", {class: "reference"},
		svg("path", {class: "edge", d: `M ${right} ${a} ` +
			`C ${right + bend} ${a} ${right + bend} ${b} ${right + 7} ${b}`}),
		svg("path", {class: "tip", d: `M ${right} ${b} l 9 -5 v 10 z`}));
}

function pictureWords(story) {
	const tables = story.locks.map((lock, i) =>
		`${i + 1} ${lock.name} ${lock.mode}`);
	const edges = story.locks.flatMap(lock => lock.behind.map(j =>
		`${lock.name} references ${story.locks[j].name}`));
	const holders = story.state === "held" ? story.holders.map(blocker) : [];

	return [...tables, ...edges, ...holders].join("; ");
}

function drawPicture(story) {
	const full = Math.max(byId("picture").clientWidth, 240);
	const room = Math.min(110, full * .2);
	const width = full - LEFT - room;
	const places = placeTables(story);
	const height = places.reduce((sum, p) => sum + p.height + 10, 4);
	const edges = places.flatMap(from => from.lock.behind.map(j =>
		drawEdge(from, places[j], LEFT + width, room)));

	byId("picture").replaceChildren();
	if (places.length === 0)
		return;
	byId("picture").append(svg("svg", {
		role: "img", "aria-label": pictureWords(story), height,
		viewBox: `0 0 ${full} ${height}`,
	}, ...edges, ...places.map((place, i) => drawTable(place, i, width))));
	for (const text of byId("picture").querySelectorAll(".table text"))
		fit(text, width - 20);
}

function pictureTold(story) {
	const more = story.lock_count - story.locks.length;

	if (story.lock_count === 0)
		return "No tables are known: it needed no plan, or has none yet.";
	return "Tables in the order in which they are locked. An arrow goes to " +
		"what a foreign key references, or whose part a table is." +
		(more > 0 ? ` ${many(more, "more table")} not shown.` : "");
}

function drawStory() {
	const story = seen.story;

	byId("story").hidden = story === null;
	if (story === null)
		return;
	say("story-title", `Statement ${story.id}: ${story.statement}, ` +
		(story.state === "over" ? story.outcome ?? "ended" : story.state));
	say("story-text", story.text ?? "");
	say("story-why", seen.why);
	say("picture-told", pictureTold(story));
	drawPicture(story);
}

// -- the time line

/* What stands beside one another on the time line, by whose windows they are. */
function findLanes(from) {
	const lanes = new Map();
	const lane = (key, label) => {
		if (!lanes.has(key))
			lanes.set(key, {label, bars: [], last: 0, windows: 0});
		return lanes.get(key);
	};
	const bar = (to, name, begin, ms, words) => {
		if (begin + ms < from)
			return;
		to.bars.push({name, begin, ms, words});
		to.last = Math.max(to.last, begin + ms);
	};

	for (const entry of [...seen.held, ...seen.history]) {
		const to = lane(entry.id, `${entry.id} ${entry.statement} ` +
			`${entry.application_name ?? entry.user ?? ""}`);
		const begin = Date.parse(entry.began);

		bar(to, "held", begin, entry.held_ms,
			`held for ${duration(entry.held_ms)}`);
		bar(to, "ran", begin + entry.held_ms, entry.run_ms,
			`ran for ${duration(entry.run_ms)}`);
		to.last = entry.state === "over" ? to.last : Infinity;
	}
	for (const w of seen.windows) {
		const to = lane(w.guarded ?? w.session ?? "elsewhere",
			w.guarded ? `${w.guarded} ${w.database ?? ""}` :
				w.session ? `session ${w.session}` :
					"another Lockstep");

		to.windows++;
		bar(to, "window", Date.parse(w.began), w.shut_ms,
			`gate shut for ${duration(w.shut_ms)}, ` +
			`${many(w.delayed, "transaction")} delayed`);
	}
	return [...lanes.values()].filter(l => l.bars.length > 0)
		.sort((a, b) => Math.sign(b.windows) - Math.sign(a.windows) ||
			(b.last > a.last) - (b.last < a.last));
}

function drawLane(lane, i, x) {
	const top = 22 + 38 * i;

	return svg("g", {class: "lane"},
		svg("text", {x: 0, y: top + 11, class: "soft"}, lane.label),
		...lane.bars.map(({name, begin, ms, words}) => svg("rect", {
			class: name, x: x(begin), rx: 1,
			width: Math.max(x(begin + ms) - x(begin), 2),
			y: top + (name === "window" ? 15 : 18),
			height: name === "window" ? 16 : 10,
		}, svg("title", {}, words))));
}

function windowsTold(span, from) {
	const shut = seen.windows.filter(
		w => Date.parse(w.began) + w.shut_ms >= from);
	const sum = key => shut.reduce((total, w) => total + w[key], 0);

	if (shut.length === 0)
		return `No window in the last ${whole(span)}.`;
	return `${many(shut.length, "window")} in the last ${whole(span)}: shut ` +
		`for ${duration(sum("shut_ms"))} in all, ` +
		`${many(sum("delayed"), "transaction")} delayed.`;
}

function drawAxis(span, full, height) {
	const parts = PARTS[span];

	return Array.from({length: parts - 1}, (_, i) => {
		const x = full * (i + 1) / parts;

		return svg("g", {},
			svg("line", {class: "grid", x1: x, x2: x, y1: 16, y2: height}),
			svg("text", {class: "soft", x, y: 12, "text-anchor": "middle"},
				`\u2212${whole(span * (parts - 1 - i) / parts)}`));
	});
}

function drawWindows() {
	const span = Number(byId("span").value);
	const from = serverMs() - span;
	const full = Math.max(byId("windows").clientWidth, 240);
	const x = ms => Math.max(0, (ms - from) / span) * full;
	const found = findLanes(from);
	const lanes = found.slice(0, LANES);
	const height = 26 + 38 * Math.max(lanes.length, 1);
	const told = windowsTold(span, from);

	say("windows-told", told + (found.length > LANES ?
		` ${many(found.length - LANES, "more statement")} not shown.` : ""));
	byId("windows").replaceChildren(svg("svg", {
		role: "img", "aria-label": told, height,
		viewBox: `0 0 ${full} ${height}`,
	}, ...drawAxis(span, full, height),
	...lanes.map((lane, i) => drawLane(lane, i, x))));
	for (const text of byId("windows").querySelectorAll(".lane text"))
		fit(text, full);
}

// -- numbers

/* How much that total has grown in a second, between two samples. */
function rate(name, from, to) {
	const ms = to.ms - from.ms;

	return ms > 0 ?
		Math.max(0, to.totals[name] - from.totals[name]) * 1000 / ms : 0;
}

function trendOf(name) {
	const rates = seen.samples.slice(1).map(
		(sample, i) => rate(name, seen.samples[i], sample));
	const most = Math.max(...rates, 1e-9);
	const points = rates.map((value, i) =>
		`${TREND - rates.length + i},${19 - 18 * value / most}`);

	return svg("svg", {viewBox: `0 0 ${TREND} 20`, height: 20,
		preserveAspectRatio: "none", "aria-hidden": "true"},
	svg("polyline", {class: "trend", points: points.join(" "),
		"vector-effect": "non-scaling-stroke"}));
}

function tileOfRate(label, name, words) {
	const to = seen.samples.at(-1);
	const from = seen.samples.at(-Math.min(RATE_OVER + 1,
		seen.samples.length));

	return html("div", {"data-name": name}, html("dt", {}, label),
		html("dd", {}, words(rate(name, from, to)), trendOf(name)));
}

function tile(label, name, words) {
	return html("div", {"data-name": name}, html("dt", {}, label),
		html("dd", {}, words));
}

function drawNumbers() {
	const s = seen.status;
	const perSecond = r => `${r.toFixed(1)} /s`;
	const perMinute = r => `${(r * 60).toFixed(1)} /min`;
	const bytesPerSecond = r => `${bytes(r)}/s`;
	const states = Object.entries(s.sessions).filter(([, n]) => n > 0);

	byId("numbers").replaceChildren(
		tile("Clients", "connections",
			`${number(s.connections)} of ${number(s.max_connections)}`),
		tile("Held", "held", number(s.held)),
		tile("Waiting at the gate", "gated", number(s.gated)),
		tileOfRate("Logins", "logins", perSecond),
		tileOfRate("From clients", "client_bytes", bytesPerSecond),
		tileOfRate("From the server", "server_bytes", bytesPerSecond),
		tileOfRate("Guarded", "guarded", perMinute),
		tileOfRate("Waits at the gate", "gate_waits", perMinute),
		tileOfRate("Errors of the server", "errors", perMinute),
		tile("Deadlocks, ever", "deadlocks", number(s.totals.deadlocks)));
	say("states", states.length === 0 ? "No sessions." : "Sessions by state: " +
		states.map(([name, n]) => `${name} ${number(n)}`).join(", ") + ".");
}

function drawState() {
	const s = seen.status;
	const words = [s.is_ready ? "ready" : `not ready: ${s.why_not_ready}`];

	if (s.is_guard_off)
		words.push("the guard is off");
	if (s.fleet)
		words.push(`fleet ${s.fleet}`);
	words.push(`up ${duration(s.uptime_ms)}`);
	say("version", `${s.version}`);
	say("state", words.join(", "));
	byId("state").className = s.is_ready && !s.is_guard_off ? "good" : "bad";
}

// -- rounds

function draw() {
	if (seen.status === null)
		return;
	const lost = drawHeld();

	drawState();
	drawHistory();
	drawStory();
	drawWindows();
	drawSessions();
	drawNumbers();
	// Where a statement is over, the focus follows it to the history.
	if (lost !== null)
		byId("history").querySelector(`[data-id="${lost}"]`)?.focus();
}

let timer = 0;
let failures = 0;
let isAsking = false;

function heard() {
	failures = 0;
	document.body.classList.remove("stale");
	say("connection", "live");
}

function unheard() {
	const last = seen.status === null ? "" :
		` since ${time(serverMs() - performance.now() + seen.heardMs)}; ` +
		"this is what it told then";

	failures++;
	document.body.classList.add("stale");
	say("connection", `The server does not answer${last}.`);
}

function nextMs() {
	if (failures > 0)
		return Math.min(ROUND_MS * 2 ** failures, RETRY_MAX_MS);
	return document.hidden ? HIDDEN_MS : ROUND_MS;
}

async function round() {
	if (isAsking)
		return;
	isAsking = true;
	clearTimeout(timer);
	try {
		await askAll();
		heard();
		draw();
	} catch {
		unheard();
	}
	isAsking = false;
	timer = setTimeout(round, nextMs());
}

for (const id of ["held", "history", "sessions"])
	byId(id).addEventListener("keydown", handleKey);
for (const id of ["held", "history"]) {
	byId(id).addEventListener("click", event => {
		const li = event.target.closest("li");

		if (li)
			pick(li.dataset.id);
	});
}
byId("filter").addEventListener("input", draw);
byId("span").addEventListener("change", draw);
byId("older").addEventListener("click", () => {
	wish.limit = Math.min(wish.limit + SHOWN, ASKED);
	wish.isNew = true;
	round();
});
document.addEventListener("visibilitychange", () => {
	if (!document.hidden)
		round();
});
byId("sessions-box").addEventListener("toggle", round);
addEventListener("resize", draw);
round();
