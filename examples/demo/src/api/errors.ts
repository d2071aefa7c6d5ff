import type { ErrorBody } from './wire';

/** An answer of the server that says no, or no answer at all (`offline`). */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly retryable: boolean,
    readonly status = 0,
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }

  static offline(): ApiError {
    return new ApiError('offline', 'The server cannot be reached.', true);
  }

  static async from(response: Response): Promise<ApiError> {
    const seconds = Number(response.headers.get('retry-after'));
    const retryAfterMs = seconds > 0 ? seconds * 1000 : undefined;
    try {
      const { error } = (await response.json()) as ErrorBody;
      return new ApiError(error.code, error.message, error.retryable, response.status, retryAfterMs);
    } catch {
      return new ApiError(
        'unknown',
        response.statusText,
        response.status >= 500,
        response.status,
        retryAfterMs,
      );
    }
  }
}

export function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError('unknown', String(error), false);
}

/** What a person reads about a request that failed. */
export function describe(error: ApiError): string {
  switch (error.code) {
    case 'offline':
      return 'You’re offline';
    case 'rate_limited':
      return 'Too many requests, wait a moment';
    case 'text_too_long':
      return 'The text is too long';
    case 'channel_frozen':
      return 'This channel is frozen';
    case 'not_a_member':
      return 'You’re no longer a member';
    case 'message_deleted':
      return 'The message was deleted';
    default:
      return error.message || 'Something went wrong';
  }
}
