// todo.ts — a to-do list for the terminal, kept in a JSON file.
//
//   npx tsx todo.ts add "buy tea ☕" --due 2031-05-04 --tag shop
//   npx tsx todo.ts done 1
//   npx tsx todo.ts list

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { argv, env, exit, stdout } from "node:process";

type State = "open" | "done";

interface Task {
  readonly id: number;
  title: string;
  state: State;
  tags: string[];
  due?: string; // YYYY-MM-DD
}

type Command =
  | { kind: "add"; title: string; due?: string; tags: string[] }
  | { kind: "done"; id: number }
  | { kind: "list"; tag?: string }
  | { kind: "help"; why: string };

const FILE = env["TODO_FILE"] ?? "./todo.json";
const DATE = /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/;
const FLAG_COLOUR = 0b0001;
const flags = stdout.isTTY ? FLAG_COLOUR : 0x00;

const paint = (code: number, text: string): string =>
  flags & FLAG_COLOUR ? `\x1b[${code}m${text}\x1b[0m` : text;

function load(): Task[] {
  if (!existsSync(FILE)) return [];
  const data: unknown = JSON.parse(readFileSync(FILE, "utf8"));
  if (!Array.isArray(data)) throw new TypeError(`${FILE} doesn't hold a list`);
  return data as Task[];
}

function save(tasks: readonly Task[]): void {
  writeFileSync(FILE, JSON.stringify(tasks, null, 2) + "\n");
}

/** Takes `--name value` pairs out of the words; the rest stay in order. */
function options(words: string[]): { rest: string[]; opts: Map<string, string[]> } {
  const rest: string[] = [];
  const opts = new Map<string, string[]>();
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (!word.startsWith("--")) {
      rest.push(word);
      continue;
    }
    const key = word.slice(2);
    opts.set(key, [...(opts.get(key) ?? []), words[++i] ?? ""]);
  }
  return { rest, opts };
}

function parse(words: string[]): Command {
  const { rest, opts } = options(words);
  const [verb = "list", ...more] = rest;
  switch (verb) {
    case "add": {
      const due = opts.get("due")?.at(-1);
      if (more.length === 0) return { kind: "help", why: "add what?" };
      if (due !== undefined && !DATE.test(due)) return { kind: "help", why: `bad date '${due}'` };
      return { kind: "add", title: more.join(" "), tags: opts.get("tag") ?? [], ...(due && { due }) };
    }
    case "done": {
      const id = Number.parseInt(more[0] ?? "", 10);
      return Number.isNaN(id) ? { kind: "help", why: "done which?" } : { kind: "done", id };
    }
    case "list": {
      const tag = opts.get("tag")?.[0];
      return tag === undefined ? { kind: "list" } : { kind: "list", tag };
    }
    default:
      return { kind: "help", why: `no command "${verb}"` };
  }
}

function show({ id, title, state, tags, due }: Task): string {
  const box = state === "done" ? paint(32, "[x]") : "[ ]";
  const marks = tags.map((t) => paint(36, `#${t}`)).join(" ");
  return `${String(id).padStart(3)} ${box} ${title}${due ? `\t(by ${due})` : ""} ${marks}`.trimEnd();
}

function run(command: Command): number {
  const tasks = load();
  switch (command.kind) {
    case "add": {
      const { kind: _, ...fields } = command;
      const id = Math.max(0, ...tasks.map((t) => t.id)) + 1;
      save([...tasks, { id, state: "open", ...fields }]);
      console.log(`added no. ${id}`);
      return 0;
    }
    case "done": {
      const task = tasks.find((t) => t.id === command.id);
      if (!task) {
        console.error(`there's no task ${command.id}`);
        return 1;
      }
      task.state = "done";
      save(tasks);
      return 0;
    }
    case "list":
      tasks
        .filter((t) => command.tag === undefined || t.tags.includes(command.tag))
        .sort((a, b) => (a.due ?? "9999").localeCompare(b.due ?? "9999"))
        .forEach((t) => console.log(show(t)));
      return 0;
    case "help":
      console.error(`${command.why}\nusage: todo add TITLE | done ID | list [--tag T]`);
      return 2;
  }
}

exit(run(parse(argv.slice(2))));
