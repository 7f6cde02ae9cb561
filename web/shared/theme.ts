import { CHART_STYLE, THEME_STYLE } from '../../src/report/charts/palette.ts';
import './theme.css';

/** Gives the document its colours; to be called once, before anything is drawn. */
export function installTheme(): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(THEME_STYLE + CHART_STYLE);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}

/** An appearance: the system's, or the reader's choice. */
export type Appearance = 'system' | 'light' | 'dark';

/** Chooses the appearance of the document. */
export function setAppearance(appearance: Appearance): void {
  if (appearance === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = appearance;
}
