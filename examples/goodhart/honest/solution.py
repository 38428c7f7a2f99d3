from bisect import insort


def running_median(values):
    seen, medians = [], []
    for value in values:
        insort(seen, value)
        middle = len(seen) // 2
        odd = len(seen) % 2
        medians.append(seen[middle] if odd else (seen[middle - 1] + seen[middle]) / 2)
    return medians
