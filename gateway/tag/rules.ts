/** What the gateway knows of the site. It stands in place of the name TAGWAY_RULES whenever the tag is served. */
export interface Rules {
  /** Where this script is served, by path; asked only where a page hides the script's own address. */
  readonly tag: string;
  /** The paths for events and for the image, relative to the script: they hold behind any proxy that moves both. */
  readonly events: string;
  readonly image: string;
  /** Names of GA4's events that are passed on when a page tells them to Google. */
  readonly pushed: readonly string[];
}

declare const TAGWAY_RULES: Rules;

export const rules = TAGWAY_RULES;

/** An event, or a part of one, as the contract spells it. */
export type Fields = Record<string, unknown>;

export const isFields = (value: unknown): value is Fields => !!value && typeof value === 'object';
