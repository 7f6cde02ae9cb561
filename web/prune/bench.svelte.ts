import type { GivenFile, WebProvider } from '../../src/coppice.web.ts';
import type { Progress } from '../../src/progress/progress.ts';
import { CallError, type Client, startClient } from './client.ts';
import { becomeIsolated, isolation } from './isolation.ts';
import { initialPreprocess, preprocessOptions } from './preprocessing.ts';
import type { Calls, Compared, DataFacts, MethodFacts, ModelFacts, Outcome } from './protocol.ts';
import { initialFilled, initialSettings, settingsOf, usualMethod } from './settings.ts';

/** A model or data on its way: what was given, and what came of it. */
export interface Slot<Facts> {
  readonly files: readonly GivenFile[];
  readonly state: 'empty' | 'busy' | 'ready' | 'failed';
  readonly facts: Facts | null;
  /** In one sentence. */
  readonly error: string;
}

/** A run on its way. */
export interface Run {
  state: 'idle' | 'busy';
  progress: Progress | null;
  /** In one sentence; also that it was stopped. */
  error: string;
}

/** Rows that are shown side by side at once. */
const SHOWN_ROWS = 12;

function empty<Facts>(): Slot<Facts> {
  return { files: [], state: 'empty', facts: null, error: '' };
}

/** Everything that the page shows, and what the reader can do with it. */
export class Bench {
  provider: WebProvider = $state('wasm');
  hasWebGpu = $state(false);
  note = $state('');
  methods: readonly MethodFacts[] = $state.raw([]);
  fatal = $state('');
  model: Slot<ModelFacts> = $state.raw(empty());
  data: Slot<DataFacts> = $state.raw(empty());
  evaluation: Slot<DataFacts> = $state.raw(empty());
  preprocess = $state(initialPreprocess());
  settings = $state(initialSettings());
  run: Run = $state({ state: 'idle', progress: null, error: '' });
  outcome: Outcome | null = $state.raw(null);
  compared: readonly Compared[] = $state.raw([]);
  own: readonly Compared[] = $state.raw([]);
  ownError = $state('');
  /** Calls on their way that fill a slot. */
  giving = $state(0);
  isBusy = $derived(this.run.state === 'busy' || this.giving > 0);

  /** The facts of the method that is chosen; undefined until the worker is there. */
  method = $derived(this.methods.find(({ name }) => name === this.settings.method));

  #hasChosen = false;
  #client: Client | null = null;
  #starting: Promise<Client> | null = null;
  #stop = new AbortController();

  /** To be called once, when the page is there. */
  async begin(): Promise<void> {
    if (await becomeIsolated()) return;
    this.note = isolation().note;
    this.hasWebGpu = await hasAdapter();
    await this.#restart();
  }

  /** A fresh worker on the other provider; what was given is opened again when it is needed. */
  async useProvider(provider: WebProvider): Promise<void> {
    this.provider = provider;
    this.#clearOutcome();
    // one that is still being started is ended as soon as it is there
    this.#starting?.then(
      (client) => client.end(),
      () => undefined,
    );
    this.#client?.end();
    [this.#client, this.#starting] = [null, null];
    await this.#restart();
  }

  async giveModel(files: readonly GivenFile[]): Promise<void> {
    if (files.length > 0) await this.#giving(() => this.#openModel(files));
  }

  async giveData(role: 'data' | 'evaluation', files: readonly GivenFile[]): Promise<void> {
    if (files.length > 0) await this.#giving(() => this.#openData(role, files));
  }

  async dropEvaluation(): Promise<void> {
    this.#clearOutcome();
    this.evaluation = empty();
    await (await this.#ready()).call('dropEvaluation', null);
  }

  /** Opens the data again, after the preprocessing was changed. */
  async reopenData(): Promise<void> {
    await this.#giving(() => this.#openGivenData());
  }

  /** The drawn digits that come with the page. */
  async giveExample(): Promise<void> {
    const fetched = async (name: string): Promise<GivenFile> => {
      const response = await fetch(new URL(`example/${name}`, document.baseURI));
      if (!response.ok) throw new Error(`The example cannot be loaded: ${name} is not there (${response.status}).`);
      return { path: name, blob: await response.blob() };
    };
    await this.#giving(async () => {
      try {
        const [model, train, test] = await Promise.all(['model.onnx', 'train.npz', 'test.npz'].map(fetched));
        this.preprocess = initialPreprocess();
        [this.data, this.evaluation] = [empty(), empty()];
        await this.#openModel([model as GivenFile]);
        await this.#openData('data', [train as GivenFile]);
        await this.#openData('evaluation', [test as GivenFile]);
      } catch (error) {
        this.model = { ...empty(), state: 'failed', error: messageOf(error) };
      }
    });
  }

  /** The reader's choice of a method: with its own settings. */
  chooseMethod(): void {
    this.#hasChosen = true;
    this.settings.filled = initialFilled(this.method?.fields ?? []);
  }

  /** Until the reader chooses a method it is the usual one for what was given. */
  #useUsualMethod(): void {
    const usual = usualMethod(this.data.facts);
    if (this.#hasChosen || this.settings.method === usual) return;
    this.settings.method = usual;
    this.settings.filled = initialFilled(this.method?.fields ?? []);
  }

  async prune(): Promise<void> {
    this.#clearOutcome();
    this.run = { state: 'busy', progress: null, error: '' };
    this.#stop = new AbortController();
    try {
      const client = await this.#ready();
      const onProgress = (progress: Progress): void => {
        this.run.progress = progress;
      };
      this.outcome = await client.call('prune', settingsOf($state.snapshot(this.settings), this.method), {
        onProgress,
        signal: this.#stop.signal,
      });
      this.run = { state: 'idle', progress: null, error: '' };
    } catch (error) {
      this.run = { state: 'idle', progress: null, error: messageOf(error) };
      if (this.#client?.isOver) void this.#restart();
    }
    if (this.outcome !== null && this.outcome.rows > 0) await this.showRows(this.outcome.disagreeing.length > 0);
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Shows rows side by side: those that the models disagree on, or the first ones. */
  async showRows(disagreeing: boolean): Promise<void> {
    if (this.outcome === null) return;
    const first = Array.from({ length: Math.min(SHOWN_ROWS, this.outcome.rows) }, (_, i) => i);
    const rows = disagreeing ? [...this.outcome.disagreeing.subarray(0, SHOWN_ROWS)] : first;
    await this.#compare('compareRows', { rows }, (found) => {
      this.compared = found;
    });
  }

  /** Shows pictures of the reader's own to both models. */
  async showPictures(files: readonly GivenFile[]): Promise<void> {
    if (files.length === 0) return;
    await this.#compare('comparePictures', { files: files.slice(0, SHOWN_ROWS) }, (found) => {
      this.own = found;
    });
  }

  /** The compiled model as one file. */
  async savedProgram(): Promise<Calls['saveProgram']['answer']> {
    return (await this.#ready()).call('saveProgram', null);
  }

  async savedModel(): Promise<Calls['save']['answer']> {
    return (await this.#ready()).call('save', null);
  }

  async #compare<Name extends 'compareRows' | 'comparePictures'>(
    name: Name,
    ask: Calls[Name]['ask'],
    show: (found: readonly Compared[]) => void,
  ): Promise<void> {
    this.ownError = '';
    try {
      show(await (await this.#ready()).call(name, ask));
    } catch (error) {
      this.ownError = messageOf(error);
    }
  }

  /** Results belong to what was given before; until all is read the page is busy. */
  async #giving(work: () => Promise<void>): Promise<void> {
    this.#clearOutcome();
    this.giving += 1;
    try {
      await work();
    } finally {
      this.giving -= 1;
    }
  }

  async #openModel(files: readonly GivenFile[]): Promise<void> {
    await this.#fill(
      files,
      (client) => client.call('openModel', { files }),
      (slot) => {
        this.model = slot;
      },
    );
    await this.#openGivenData();
  }

  async #openGivenData(): Promise<void> {
    for (const role of ['data', 'evaluation'] as const)
      if (this[role].state !== 'empty') await this.#openData(role, this[role].files);
  }

  async #openData(role: 'data' | 'evaluation', files: readonly GivenFile[]): Promise<void> {
    if (this.model.state !== 'ready') {
      this[role] = {
        ...empty<DataFacts>(),
        files,
        state: 'failed',
        error: 'Give a model first: data is read the way the model takes it.',
      };
      return;
    }
    const preprocess = preprocessOptions($state.snapshot(this.preprocess));
    await this.#fill(
      files,
      (client) => client.call('openData', { role, files, preprocess }),
      (slot) => {
        this[role] = slot;
      },
    );
    this.#useUsualMethod();
  }

  async #fill<Facts>(
    files: readonly GivenFile[],
    open: (client: Client) => Promise<Facts>,
    put: (slot: Slot<Facts>) => void,
  ): Promise<void> {
    put({ files, state: 'busy', facts: null, error: '' });
    try {
      put({ files, state: 'ready', facts: await open(await this.#ready()), error: '' });
    } catch (error) {
      put({ files, state: 'failed', facts: null, error: messageOf(error) });
    }
  }

  #clearOutcome(): void {
    this.outcome = null;
    [this.compared, this.own, this.ownError] = [[], [], ''];
    this.run.error = '';
  }

  async #restart(): Promise<void> {
    try {
      await this.#ready();
    } catch (error) {
      this.fatal = messageOf(error);
    }
  }

  /** The worker; where the last one was ended, a fresh one that has everything open again. */
  async #ready(): Promise<Client> {
    if (this.#starting === null || this.#client?.isOver) {
      this.#client = null;
      const starting = this.#start();
      this.#starting = starting;
      const client = await starting;
      if (this.#starting === starting) this.#client = client;
    }
    return this.#starting ?? this.#ready();
  }

  async #start(): Promise<Client> {
    const { client, workshop } = await startClient({ provider: this.provider, threads: isolation().threads });
    this.methods = workshop.methods;
    if (this.model.state !== 'ready') return client;
    await client.call('openModel', { files: this.model.files });
    const preprocess = preprocessOptions($state.snapshot(this.preprocess));
    for (const role of ['data', 'evaluation'] as const)
      if (this[role].state === 'ready') await client.call('openData', { role, files: this[role].files, preprocess });
    return client;
  }
}

function messageOf(error: unknown): string {
  return error instanceof CallError || error instanceof Error ? error.message : String(error);
}

async function hasAdapter(): Promise<boolean> {
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<unknown> } };
  try {
    return ((await gpu?.requestAdapter()) ?? null) !== null;
  } catch {
    return false;
  }
}
