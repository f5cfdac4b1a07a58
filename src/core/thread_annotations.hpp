#pragma once
/// The attributes of clang's -Wthread-safety, which checks locks at compile time; other compilers
/// see nothing. `int field STRATA_GUARDED_BY(mutex_);` makes a use without the lock an error.

#if defined(__clang__)
#define STRATA_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define STRATA_THREAD_ATTRIBUTE(x)
#endif
#define STRATA_CAPABILITY(name) STRATA_THREAD_ATTRIBUTE(capability(name))
#define STRATA_SCOPED_CAPABILITY STRATA_THREAD_ATTRIBUTE(scoped_lockable)
#define STRATA_GUARDED_BY(lock) STRATA_THREAD_ATTRIBUTE(guarded_by(lock))
#define STRATA_REQUIRES(lock) STRATA_THREAD_ATTRIBUTE(requires_capability(lock))
#define STRATA_ACQUIRE(...) STRATA_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define STRATA_RELEASE(...) STRATA_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define STRATA_NO_ANALYSIS STRATA_THREAD_ATTRIBUTE(no_thread_safety_analysis)
