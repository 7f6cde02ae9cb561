/** Text that is HTML already. */
export class Markup {
  readonly html: string;

  /** @param html  trusted: it is never escaped again */
  constructor(html: string) {
    this.html = html;
  }
}

/** What may stand in the gaps of {@link markup}: text is escaped, lists are joined, null leaves nothing. */
export type Content = Markup | string | number | null | readonly Content[];

/** A template of HTML: every value that is not {@link Markup} itself is escaped, inside attributes too. */
export function markup(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(strings.reduce((html, text, i) => html + render(values[i - 1] ?? null) + text));
}

/** A name from a model: a line may break after its separators. */
export function breakable(name: string): Markup {
  return new Markup(escapeHtml(name).replace(/[./_](?=[^./_;])/g, '$&<wbr>'));
}

function render(content: Content): string {
  if (content instanceof Markup) return content.html;
  if (content === null) return '';
  return typeof content === 'object' ? content.map(render).join('') : escapeHtml(String(content));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Control characters are shown as U+FFFD; they would make the page invalid. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => ENTITIES[c] as string).replace(/(?![\t\n\r])\p{Cc}/gu, '\ufffd');
}
